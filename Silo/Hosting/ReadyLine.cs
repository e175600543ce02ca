namespace HiveMind.Hosting;

/// <summary>
/// How a silo tells the process that started it that it serves, and where: one line on its standard output that begins with a word only that process knows. A port
/// that answers may be somebody else's.
/// </summary>
public sealed record ReadyLine(Uri Hub, Uri Http)
{
    /// <summary>The variable that carries the word to the silo.</summary>
    public const string Variable = "HIVEMIND_READY_WORD";

    public string Text(string word) => $"{word} {Hub.OriginalString} {Http.OriginalString}";

    /// <summary>Null: any other line.</summary>
    public static ReadyLine? Parse(string line, string word) =>
        line.Split(' ') is [var first, var hub, var http] && first == word
        && Uri.TryCreate(hub, UriKind.Absolute, out var hubAddress) && Uri.TryCreate(http, UriKind.Absolute, out var httpAddress)
            ? new ReadyLine(hubAddress, httpAddress) : null;
}
