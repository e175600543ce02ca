using System.Text.Encodings.Web;
using System.Text.Json;

namespace HiveMind.Cli;

/// <summary>
/// Results on standard output, messages on standard error; in JSON when a script asked for it. Whatever a hub or a stranger said, nothing of it reaches
/// the terminal but visible text.
/// </summary>
internal sealed class Terminal(TextWriter output, TextWriter error)
{
    private static readonly JsonSerializerOptions Shape = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DictionaryKeyPolicy = null,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private bool hasStatus;

    public bool Json { get; set; }
    /// <summary>Whether standard error is a terminal that a line can be drawn on again.</summary>
    public bool CanDraw { get; init; } = !Console.IsErrorRedirected;
    /// <summary>Whether a person sits at it who can be asked.</summary>
    public bool CanAsk { get; init; } = !Console.IsInputRedirected && !Console.IsErrorRedirected;
    public bool IsLive => !Console.IsOutputRedirected && !Json;

    public static string ToJson(object value) => PlainText.VisibleJson(JsonSerializer.Serialize(value, Shape));

    /// <summary>The answer: <paramref name="text"/> for people, one line of JSON for scripts.</summary>
    public void Result(string text, object json)
    {
        output.WriteLine(Json ? ToJson(json) : PlainText.Visible(text));
        output.Flush();
    }

    public void Message(string text)
    {
        EndStatus();
        error.WriteLine(Json ? text : PlainText.Visible(text)); // JSON is visible already
        error.Flush();
    }

    /// <summary>Where things stand now: in place on a terminal, a line each elsewhere, nothing for scripts.</summary>
    public void Status(string text)
    {
        if (Json)
        {
            return;
        }

        if (!CanDraw)
        {
            Message(text);
            return;
        }

        error.Write($"\r\x1b[K{OneLine(text, Console.WindowWidth)}");
        error.Flush();
        hasStatus = true;
    }

    /// <summary>What fits: a line that wraps could not be drawn over.</summary>
    internal static string OneLine(string text, int width)
    {
        var plain = PlainText.Visible(string.Concat(text.Select(letter => letter is '\n' or '\t' or '\r' ? ' ' : letter)));
        return width <= 1 || plain.Length < width ? plain : $"{plain[..(width - 2)]}…";
    }

    /// <summary>Before anything else is written: the status line goes.</summary>
    public void EndStatus()
    {
        if (hasStatus)
        {
            error.Write("\r\x1b[K");
            error.Flush();
            hasStatus = false;
        }
    }

    /// <summary>What a person needs and a script does not.</summary>
    public void Hint(string text)
    {
        if (!Json)
        {
            Message(text);
        }
    }

    public int Fail(CliException failure)
    {
        Message(Json
            ? ToJson(new { Error = new { failure.ExitCode, failure.Reason, failure.Message, failure.Fields } })
            : failure.Message);
        return failure.ExitCode;
    }

    public string Ask(string question)
    {
        Demand(question);
        error.Write($"{question}: ");
        return Console.ReadLine()?.Trim() ?? "";
    }

    public string AskHidden(string question)
    {
        Demand(question);
        error.Write($"{question}: ");
        var typed = new List<char>();
        for (var key = Console.ReadKey(intercept: true); key.Key != ConsoleKey.Enter; key = Console.ReadKey(intercept: true))
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                typed.RemoveRange(Math.Max(0, typed.Count - 1), Math.Min(1, typed.Count));
            }
            else if (!char.IsControl(key.KeyChar))
            {
                typed.Add(key.KeyChar);
            }
        }

        error.WriteLine();
        return new string([.. typed]);
    }

    private void Demand(string question)
    {
        if (!CanAsk)
        {
            throw CliException.Usage($"{question} is missing and there is no terminal to ask at: give it as an option (see --help).");
        }
    }
}
