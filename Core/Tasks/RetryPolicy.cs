using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace HiveMind.Tasks;

/// <summary>Whether another attempt follows, and after which pause. No clock and no dice in it: the same record gives the same answer again.</summary>
public static class RetryPolicy
{
    public static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(60);
    private const int FirstPauseMs = 1000;

    /// <summary>The submitter's limit, but never more than the pool's.</summary>
    public static int MaxAttempts(RetrySpec retry, int pool) => retry.MaxAttempts > 0 ? Math.Min(retry.MaxAttempts, pool) : pool;

    /// <summary>Whether the submitter calls this end of the program worth another attempt. Nobody does so by default.</summary>
    public static bool IsRetryable(RetrySpec retry, string cause, int exitCode) => cause switch
    {
        Causes.Completed or Causes.Cancelled or Causes.TotalTimeout => false,
        Causes.RunTimeout => retry.OnTimeout,
        _ => retry.AnyFailure || retry.ExitCodes.Contains(exitCode),
    };

    /// <summary>
    /// Whether an attempt that its machine lost is made again. One that was never handed over (lost, but not counted) always is: nothing
    /// of it can have run.
    /// </summary>
    public static bool IsRetryable(RetrySpec retry, string cause, bool counts) =>
        retry.OnLostNode || cause is Causes.WorkerFault or Causes.WorkerRefused || (cause == Causes.NodeLost && !counts);

    /// <summary>
    /// After so many attempts that count. The first lost machine says nothing of the task, so it waits for nothing; after the program's own
    /// first failure, or the second lost machine, about a second, doubling, at most a minute. Ends that do not count make it longer too, from the
    /// third on: whatever brings them about must not send a task round and round.
    /// </summary>
    public static TimeSpan Pause(string taskId, int attempt, int counted, bool lost, int uncounted = 0)
    {
        var doublings = Math.Max(lost ? counted - 2 : counted - 1, uncounted - 3);
        if (doublings < 0) return TimeSpan.Zero;
        var whole = Math.Min(LongestPause.TotalMilliseconds, (double)FirstPauseMs * (1 << Math.Min(doublings, 10)));
        return TimeSpan.FromMilliseconds(Math.Round(whole / 2 * (1 + Share(taskId, attempt))));
    }

    /// <summary>0 to 1, another one for every attempt of every task: what failed together does not come back together.</summary>
    private static double Share(string taskId, int attempt) =>
        BinaryPrimitives.ReadUInt32LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{taskId}/{attempt}"))) / (double)uint.MaxValue;
}
