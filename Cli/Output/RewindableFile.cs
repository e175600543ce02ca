using HiveMind.Storage;
using Microsoft.Win32.SafeHandles;

namespace HiveMind.Cli;

/// <summary>
/// A descriptor of a plain file that we write to: what we wrote can be taken back, as long as nobody else has written behind it. Others may share the descriptor
/// (a shell and what it starts next), so its own place is moved along.
/// </summary>
internal sealed class RewindableFile(int descriptor, Stream target, long start) : OutputOnlyStream(target)
{
    private const int Append = 0x400;

    private long written;

    /// <summary>The stream itself where it is no plain file that we write at the end of.</summary>
    public static Stream Of(int descriptor, Stream target)
    {
        try
        {
            if (!NativeFiles.Works || NativeFiles.Status(descriptor, "\0"u8, NativeFiles.EmptyPath) is not { IsRegular: true })
            {
                return target;
            }

            using var file = new SafeFileHandle(descriptor, ownsHandle: false);
            var end = RandomAccess.GetLength(file);
            // Opened for appending (>>) its place says nothing before the first byte: that goes to the end.
            return NativeFiles.Place(descriptor) == end || IsAppending(descriptor) ? new RewindableFile(descriptor, target, end) : target;
        }
        catch (IOException)
        {
            return target;
        }
    }

    private static bool IsAppending(int descriptor)
    {
        var flags = File.ReadLines($"/proc/self/fdinfo/{descriptor}").FirstOrDefault(line => line.StartsWith("flags:", StringComparison.Ordinal));
        return flags is not null && (Convert.ToInt32(flags["flags:".Length..].Trim(), 8) & Append) != 0;
    }

    /// <summary>True: what was written through this is gone from the file. False: it stays.</summary>
    public bool Rewind()
    {
        try
        {
            using var file = new SafeFileHandle(descriptor, ownsHandle: false);
            Target.Flush();
            if (RandomAccess.GetLength(file) != start + written || NativeFiles.Place(descriptor) != start + written)
            {
                return false;
            }

            RandomAccess.SetLength(file, start);
            written = 0;
            return NativeFiles.MoveTo(descriptor, start);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return false;
        }
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Target.Write(buffer);
        written += buffer.Length;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await Target.WriteAsync(buffer, cancellationToken);
        written += buffer.Length;
    }
}
