using System.Globalization;
using System.Text;

namespace HiveMind.Users;

/// <summary>
/// Unicode's composed form (UAX 15): "é" typed as one character or as two is the same password. The hub runs without the platform's
/// globalization data, where `string.Normalize` changes nothing, so the tables are its own (`nfc.txt`). Pure.
/// </summary>
public static class Nfc
{
    private const int HangulFirst = 0xAC00, LeadFirst = 0x1100, VowelFirst = 0x1161, TailBefore = 0x11A7;
    private const int Vowels = 21, Tails = 28, Leads = 19, Syllables = Leads * Vowels * Tails;

    private static readonly Dictionary<int, int[]> Decompositions = [];
    private static readonly Dictionary<(int, int), int> Compositions = [];
    private static readonly Dictionary<int, byte> Classes = [];

    static Nfc()
    {
        using var table = new StreamReader(typeof(Nfc).Assembly.GetManifestResourceStream("HiveMind.Users.nfc.txt")!);
        while (table.ReadLine() is { } line)
        {
            var (left, right) = (line[1..Math.Max(1, line.IndexOf('=', StringComparison.Ordinal))], line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..]);
            if (line[0] == 'D') ReadDecomposition(Hex(left), right);
            else if (line[0] == 'C') ReadClass(byte.Parse(left, CultureInfo.InvariantCulture), right);
        }
    }

    public static string Compose(string text)
    {
        if (text.All(char.IsAscii)) return text;
        var points = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes()) Decompose(rune.Value, points);
        Order(points);
        Join(points);
        var composed = new StringBuilder(points.Count);
        foreach (var point in points) composed.Append(new Rune(point).ToString());
        return composed.ToString();
    }

    private static void Decompose(int point, List<int> into)
    {
        if (point is >= HangulFirst and < HangulFirst + Syllables)
        {
            var index = point - HangulFirst;
            into.Add(LeadFirst + (index / (Vowels * Tails)));
            into.Add(VowelFirst + (index % (Vowels * Tails) / Tails));
            if (index % Tails > 0) into.Add(TailBefore + (index % Tails));
        }
        else if (Decompositions.TryGetValue(point, out var parts))
        {
            foreach (var part in parts) Decompose(part, into);
        }
        else
        {
            into.Add(point);
        }
    }

    /// <summary>Marks of different classes in the order of their classes; those of one class keep theirs.</summary>
    private static void Order(List<int> points)
    {
        for (var i = 1; i < points.Count; i++)
        {
            var (point, rank) = (points[i], ClassOf(points[i]));
            var at = i;
            for (; rank > 0 && at > 0 && ClassOf(points[at - 1]) > rank; at--) points[at] = points[at - 1];
            points[at] = point;
        }
    }

    private static void Join(List<int> points)
    {
        var starter = -1;
        byte last = 0;
        for (var i = 0; i < points.Count; i++)
        {
            var rank = ClassOf(points[i]);
            var reachable = starter >= 0 && (i == starter + 1 || last < rank || (last == 0 && i == starter + 1));
            if (reachable && Composed(points[starter], points[i]) is { } joined)
            {
                points[starter] = joined;
                points.RemoveAt(i--);
                continue;
            }

            last = rank;
            if (rank == 0) starter = i;
        }
    }

    private static int? Composed(int first, int second)
    {
        if (first is >= LeadFirst and < LeadFirst + Leads && second is >= VowelFirst and < VowelFirst + Vowels)
            return HangulFirst + ((((first - LeadFirst) * Vowels) + second - VowelFirst) * Tails);
        if (first is >= HangulFirst and < HangulFirst + Syllables && (first - HangulFirst) % Tails == 0 && second is > TailBefore and < TailBefore + Tails)
            return first + second - TailBefore;
        return Compositions.TryGetValue((first, second), out var composed) ? composed : null;
    }

    private static byte ClassOf(int point) => Classes.GetValueOrDefault(point);

    private static void ReadDecomposition(int point, string text)
    {
        var parts = text.TrimEnd('-').Split(',').Select(Hex).ToArray();
        Decompositions[point] = parts;
        if (parts.Length == 2 && !text.EndsWith('-')) Compositions[(parts[0], parts[1])] = point;
    }

    private static void ReadClass(byte rank, string text)
    {
        foreach (var range in text.Split(','))
        {
            var ends = range.Split('-');
            for (var point = Hex(ends[0]); point <= Hex(ends[^1]); point++) Classes[point] = rank;
        }
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
