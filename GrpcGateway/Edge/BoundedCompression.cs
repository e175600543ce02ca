using System.Buffers;
using System.IO.Compression;
using Grpc.Net.Compression;

namespace HiveMind.Edge;

/// <summary>
/// Unpacks up to the limit of the method that is called and not a byte more: gRPC's own providers unpack all, whatever comes of it. Which limit is
/// the call's is carried along its own flow of execution.
/// </summary>
internal sealed class BoundedCompression(string name, Func<Stream, Stream> unpack, Func<Stream, Stream> pack) : ICompressionProvider
{
    private static readonly AsyncLocal<RpcRule?> Rule = new();

    public static BoundedCompression Gzip { get; } =
        new("gzip", packed => new GZipStream(packed, CompressionMode.Decompress, leaveOpen: true), plain => new GZipStream(plain, CompressionLevel.Fastest, leaveOpen: true));

    /// <summary>As gRPC means it: with zlib's header.</summary>
    public static BoundedCompression Deflate { get; } =
        new("deflate", packed => new ZLibStream(packed, CompressionMode.Decompress, leaveOpen: true), plain => new ZLibStream(plain, CompressionLevel.Fastest, leaveOpen: true));

    public string EncodingName => name;

    /// <summary>For what this flow of execution goes on to do.</summary>
    public static void Limit(RpcRule rule) => Rule.Value = rule;

    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) => pack(stream);

    public Stream CreateDecompressionStream(Stream stream) => new Bounded(stream, unpack, Rule.Value ?? RpcPolicy.Anonymous);

    private sealed class Bounded(Stream packed, Func<Stream, Stream> unpack, RpcRule rule) : Stream
    {
        private const int Most = 1 << 20, Step = 80 * 1024;
        private Stream _unpacked = unpack(packed);
        private long _left = rule.MessageBytes;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            try
            {
                var read = _unpacked.Read(buffer);
                return (_left -= read) >= 0 ? read : throw MessageGate.TooLarge(rule);
            }
            catch (InvalidDataException)
            {
                throw ErrorMapping.Build(Grpc.Core.StatusCode.InvalidArgument, "MALFORMED_MESSAGE", "The message is not packed as its headers say.");
            }
        }

        /// <summary>
        /// How gRPC unpacks. What comes to more than a MiB is counted first and unpacked a second time, into a buffer of that length: one that doubles
        /// as it grows, with the one it is copied from, is three times as large.
        /// </summary>
        public override void CopyTo(Stream destination, int bufferSize)
        {
            var buffer = ArrayPool<byte>.Shared.Rent(Step);
            try
            {
                var begun = 0L;
                int read;
                while (begun < Most && (read = Read(buffer)) > 0)
                {
                    destination.Write(buffer, 0, read);
                    begun += read;
                }

                if (begun < Most) return;
                if (packed.CanSeek && destination is MemoryStream all)
                {
                    var length = begun;
                    while ((read = Read(buffer)) > 0) length += read;
                    _unpacked.Dispose();
                    packed.Position = 0;
                    (_unpacked, _left) = (unpack(packed), rule.MessageBytes);
                    all.SetLength(0);
                    all.Capacity = (int)length;
                }

                while ((read = Read(buffer)) > 0) destination.Write(buffer, 0, read);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) _unpacked.Dispose();
            base.Dispose(disposing);
        }
    }
}
