using Grpc.Core;
using HiveMind.Workers.Attempts;
using HiveMind.Workers.Runs;

namespace HiveMind.Workers.Connection;

/// <summary>
/// Sends what a program prints while it runs, one stream of it. The hub's answer is the position, so that a lost call, a restart of the hub or
/// a second worker changes nothing but the pace. A program that ends soon has sent nothing this way: its output goes with its report.
/// </summary>
internal sealed class LiveOutput(Transfers transfers, AttemptKey key, string stream, string path, TimeProvider time)
{
    private const int FirstPiece = 64 * 1024, MaxPiece = 256 * 1024;
    private static readonly TimeSpan QuietAtFirst = TimeSpan.FromMilliseconds(100), Look = TimeSpan.FromMilliseconds(50), Away = TimeSpan.FromSeconds(1);

    private byte[] _buffer = [];

    /// <summary>Both streams, until it is cancelled, which is when the program has ended.</summary>
    public static async Task Run(Transfers transfers, AttemptKey key, RunPlace place, TimeProvider time, CancellationToken ended)
    {
        // One timer and no exception is all that a short run costs.
        if (!await Passed(QuietAtFirst, time, ended))
            return;
        await Task.WhenAll(
            new LiveOutput(transfers, key, "stdout", place.Stdout, time).Run(ended),
            new LiveOutput(transfers, key, "stderr", place.Stderr, time).Run(ended));
    }

    private async Task Run(CancellationToken ended)
    {
        try
        {
            var position = 0L;
            // Of this attempt the hub may have what an earlier run of it printed, before a lease was lost.
            var anew = true;
            TimeSpan pause;
            do
            {
                pause = Look;
                var read = Read(position);
                if (read == 0)
                    continue;
                var now = await transfers.AppendOutput(key, stream, position, _buffer.AsMemory(0, read), anew, ended);
                pause = now is null ? Away : read == _buffer.Length ? TimeSpan.Zero : Look;
                position = now ?? position;
                anew &= now is null;
            }
            while (await Passed(pause, time, ended));
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or UnauthorizedAccessException or RpcException)
        {
            // It ended, or the attempt is not ours any more, or nobody can watch just now: the report says what became of it.
        }
    }

    /// <summary>False when it has ended meanwhile. Without an exception: most programs end within the first pause.</summary>
    private static async Task<bool> Passed(TimeSpan pause, TimeProvider time, CancellationToken ended)
    {
        await Task.Delay(pause, time, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !ended.IsCancellationRequested;
    }

    private int Read(long position)
    {
        if (new FileInfo(path) is not { Exists: true, Length: var length } || length <= position)
            return 0;
        if (_buffer.Length < MaxPiece && length - position > _buffer.Length)
            _buffer = new byte[length - position > FirstPiece ? MaxPiece : FirstPiece];
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
        file.Position = position;
        return file.ReadAtLeast(_buffer, _buffer.Length, throwOnEndOfStream: false);
    }
}
