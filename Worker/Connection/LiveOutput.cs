using Grpc.Core;
using HiveMind.Workers.Attempts;

namespace HiveMind.Workers.Connection;

/// <summary>
/// Sends what a program prints while it runs, one stream of it. The hub's answer is the position, so that a lost call, a restart of the hub or
/// a second worker changes nothing but the pace. A program that ends soon has sent nothing this way: its output goes with its report.
/// </summary>
internal sealed class LiveOutput(Transfers transfers, AttemptKey key, string stream, string path, TimeProvider time)
{
    private const int MaxPiece = 256 * 1024;
    private static readonly TimeSpan QuietAtFirst = TimeSpan.FromMilliseconds(150), Look = TimeSpan.FromMilliseconds(50), Away = TimeSpan.FromSeconds(1);

    /// <summary>Until it is cancelled, which is when the program has ended.</summary>
    public async Task Run(CancellationToken ended)
    {
        try
        {
            var position = 0L;
            var buffer = new byte[64 * 1024];
            for (var pause = QuietAtFirst; await Passed(pause, ended);)
            {
                pause = Look;
                var read = Read(ref buffer, position);
                if (read == 0)
                    continue;
                var now = await transfers.AppendOutput(key, stream, position, buffer.AsMemory(0, read), ended);
                pause = now is null ? Away : read == buffer.Length ? TimeSpan.Zero : Look;
                position = now ?? position;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or UnauthorizedAccessException or RpcException)
        {
            // It ended, or the attempt is not ours any more, or nobody can watch just now: the report says what became of it.
        }
    }

    /// <summary>False when it has ended meanwhile. Without an exception: most programs end within the first pause.</summary>
    private async Task<bool> Passed(TimeSpan pause, CancellationToken ended)
    {
        await Task.Delay(pause, time, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !ended.IsCancellationRequested;
    }

    private int Read(ref byte[] buffer, long position)
    {
        if (new FileInfo(path) is not { Exists: true, Length: var length } || length <= position)
            return 0;
        if (length - position > buffer.Length && buffer.Length < MaxPiece)
            buffer = new byte[MaxPiece];
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
        file.Position = position;
        return file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
    }
}
