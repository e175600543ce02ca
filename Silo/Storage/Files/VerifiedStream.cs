using System.Security.Cryptography;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// A stored file, hashed while it is read: its last bytes are only handed out when all of them are those that were accepted. Whoever begins
/// in the middle has what lies before read and hashed for him. Reading onwards only; seeking before the first byte is read.
/// </summary>
internal sealed class VerifiedStream(Stream inner, BlobRef blob) : Stream
{
    private const int PieceBytes = 128 * 1024;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _hashed, _position;

    public override bool CanRead => true;
    public override bool CanSeek => true;
    public override bool CanWrite => false;
    public override long Length => blob.Size;

    public override long Position
    {
        get => _position;
        set
        {
            if (_position != value && _hashed > 0) throw new NotSupportedException("Some of it was read already.");
            _position = value;
        }
    }

    public static HiveMindException Damaged(BlobRef blob)
    {
        FilesInstruments.FoundDamaged();
        return HiveMindException.Precondition(
            "RESULT_DAMAGED", $"The stored file {blob.Sha256} is not what was written: the hub's disk changed it. Submit the task again if you need it.");
    }

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        _ => Length + offset,
    };

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_position >= Length || buffer.Length == 0) return 0;
        try
        {
            await HashUpTo(_position, cancellationToken);
            var read = await inner.ReadAsync(buffer, cancellationToken);
            if (read == 0) throw Damaged(blob); // shorter than when it was opened
            Add(buffer.Span[..read]);
            _position += read;
            if (_position == Length && Convert.ToHexStringLower(_hash.GetHashAndReset()) != blob.Sha256) throw Damaged(blob);
            return read;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskError.ToFailure(e);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private async Task HashUpTo(long position, CancellationToken cancel)
    {
        if (_hashed == position) return;
        var piece = new byte[PieceBytes];
        while (_hashed < position)
        {
            var read = await inner.ReadAsync(piece.AsMemory(0, (int)Math.Min(piece.Length, position - _hashed)), cancel);
            if (read == 0) throw Damaged(blob);
            Add(piece.AsSpan(0, read));
        }
    }

    private void Add(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        _hashed += bytes.Length;
    }
}
