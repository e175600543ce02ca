using System.Text;

namespace HiveMind.Cli;

/// <summary>
/// A program's output on its way to a person: on a terminal as visible text, since a terminal obeys what it is sent; byte for byte into a file or a pipe.
/// </summary>
internal sealed class ForeignBytes(Stream target) : Stream
{
    private readonly Decoder decoder = Encoding.UTF8.GetDecoder();
    private string held = "";

    public static Stream StandardOutput() => Open(Console.OpenStandardOutput(), Console.IsOutputRedirected);

    public static Stream StandardError() => Open(Console.OpenStandardError(), Console.IsErrorRedirected);

    public static Stream Open(Stream target, bool isRedirected) => isRedirected ? target : new ForeignBytes(target);

    /// <summary>Standard output whose plain file can be begun anew.</summary>
    public static Stream RewindableOutput() => Console.IsOutputRedirected ? RewindableFile.Of(1, Console.OpenStandardOutput()) : StandardOutput();

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(ReadOnlySpan<byte> buffer) => target.Write(Shown(buffer, isLast: false));

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        target.WriteAsync(Shown(buffer.Span, isLast: false), cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() => target.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => target.FlushAsync(cancellationToken);

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            target.Write(Shown([], isLast: true));
            target.Dispose();
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
