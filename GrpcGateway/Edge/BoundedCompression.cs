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
        new("gzip", packed => new GZipStream(packed, CompressionMode.Decompress), plain => new GZipStream(plain, CompressionLevel.Fastest, leaveOpen: true));

    /// <summary>As gRPC means it: with zlib's header.</summary>
    public static BoundedCompression Deflate { get; } =
        new("deflate", packed => new ZLibStream(packed, CompressionMode.Decompress), plain => new ZLibStream(plain, CompressionLevel.Fastest, leaveOpen: true));

    public string EncodingName => name;

    /// <summary>For what this flow of execution goes on to do.</summary>
    public static void Limit(RpcRule rule) => Rule.Value = rule;

    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) => pack(stream);

    public Stream CreateDecompressionStream(Stream stream) => new Bounded(unpack(stream), Rule.Value ?? RpcPolicy.Anonymous);

    private sealed class Bounded(Stream unpacked, RpcRule rule) : Stream
    {
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
                var read = unpacked.Read(buffer);
                return (_left -= read) >= 0 ? read : throw MessageGate.TooLarge(rule);
            }
            catch (InvalidDataException)
            {
                throw ErrorMapping.Build(Grpc.Core.StatusCode.InvalidArgument, "MALFORMED_MESSAGE", "The message is not packed as its headers say.");
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
            if (disposing) unpacked.Dispose();
            base.Dispose(disposing);
        }
    }
}
