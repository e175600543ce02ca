using System.Text;

namespace HiveMind.Cli;

/// <summary>
/// A program's output on its way to a person: on a terminal as visible text, since a terminal obeys what it is sent; byte for byte into a file or a pipe.
/// </summary>
internal sealed class ForeignBytes(Stream target) : OutputOnlyStream(target)
{
    private readonly Decoder decoder = Encoding.UTF8.GetDecoder();
    private string held = "";

    public static Stream StandardOutput() => Open(Console.OpenStandardOutput(), Console.IsOutputRedirected);

    public static Stream StandardError() => Open(Console.OpenStandardError(), Console.IsErrorRedirected);

    public static Stream Open(Stream target, bool isRedirected) => isRedirected ? target : new ForeignBytes(target);

    /// <summary>Standard output whose plain file can be begun anew.</summary>
    public static Stream RewindableOutput() => Console.IsOutputRedirected ? RewindableFile.Of(1, Console.OpenStandardOutput()) : StandardOutput();

    public override void Write(ReadOnlySpan<byte> buffer) => Target.Write(Shown(buffer, isLast: false));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        Target.WriteAsync(Shown(buffer.Span, isLast: false), cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Target.Write(Shown([], isLast: true));
        }

        base.Dispose(disposing);
    }

    /// <summary>A letter may be cut by the end of a piece, and a carriage return be half of a line end: they wait for the next.</summary>
    private byte[] Shown(ReadOnlySpan<byte> piece, bool isLast)
    {
        var letters = new char[decoder.GetCharCount(piece, isLast)];
        decoder.GetChars(piece, letters, isLast);
        var text = held + new string(letters);
        var keep = isLast || text.Length == 0 ? 0 : text[^1] == '\r' ? 1 : 0;
        held = text[^keep..];
        return Encoding.UTF8.GetBytes(PlainText.Visible(text[..^keep]));
    }
}
