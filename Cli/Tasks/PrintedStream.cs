using System.Security.Cryptography;

namespace HiveMind.Cli;

/// <summary>
/// One output of a task, handed on as it comes. A machine may be lost in the middle; the next attempt then prints from the beginning. What
/// is the same again is not shown again: it is compared by its hash, so that nothing need be kept. What is not the same begins anew: in a plain file in place of
/// what stood there, since two runs of a program are never one output.
/// </summary>
internal sealed class PrintedStream(Stream target) : IDisposable
{
    private readonly IncrementalHash shown = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash again = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private int attempt;
    private long printed, toCompare;

    /// <summary>What an earlier attempt had printed is gone from where it was shown.</summary>
    public bool TookBack { get; private set; }

    /// <summary>False, with nothing shown: this attempt prints something else. From then on all of it is shown.</summary>
    public async Task<bool> Write(int of, ReadOnlyMemory<byte> data, CancellationToken stop)
    {
        if (of != attempt)
        {
            (attempt, toCompare) = (of, printed);
            again.GetHashAndReset();
        }

        if (toCompare > 0)
        {
            var same = (int)Math.Min(toCompare, data.Length);
            again.AppendData(data.Span[..same]);
            toCompare -= same;
            data = data[same..];
            if (toCompare == 0 && !again.GetHashAndReset().AsSpan().SequenceEqual(shown.GetCurrentHash()))
            {
                StartOver();
                return false;
            }
        }

        if (data.Length > 0)
        {
            shown.AppendData(data.Span);
            printed += data.Length;
            await target.WriteAsync(data, stop);
            await target.FlushAsync(stop);
        }

        return true;
    }

    /// <summary>False: the last attempt printed less than was shown of an earlier one.</summary>
    public bool Complete()
    {
        if (toCompare == 0)
        {
            return true;
        }

        StartOver();
        return false;
    }

    public void Dispose()
    {
        shown.Dispose();
        again.Dispose();
    }

    private void StartOver()
    {
        TookBack = target is RewindableFile file && file.Rewind();
        shown.GetHashAndReset();
        (printed, toCompare) = (0, 0);
    }
}
