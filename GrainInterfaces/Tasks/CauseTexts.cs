using System.Collections.Frozen;

namespace HiveMind.Tasks;

/// <summary>How an attempt ended, as a sentence for each of <see cref="Causes"/>: one table for the hub, the command line and the page. Pure.</summary>
public static class CauseTexts
{
    private static readonly FrozenDictionary<string, string> Texts = new Dictionary<string, string>
    {
        [Causes.Completed] = "The program ended with exit code 0.",
        [Causes.ProgramFailed] = "The program ended with an error.",
        [Causes.RunTimeout] = "The run took longer than its timeout and was stopped.",
        [Causes.OutOfMemory] = "The program needed more memory than it asked for.",
        [Causes.OutOfDisk] = "The program's files grew larger than it asked for (disk_mb), or than the machine lends.",
        [Causes.OutputTooLarge] = $"The output is larger than it may be (max_output_mb; {TaskSpec.DefaultMaxOutputMb} MiB unless asked for); its head was kept.",
        [Causes.WorkerFault] = "The machine could not run it: a fault of the machine's own, not the program's, and not paid for.",
        [Causes.WorkerRefused] = "The machine refused it; not paid for.",
        [Causes.NodeLost] = "Its machine was silent for too long and counts as lost.",
        [Causes.NodeRemoved] = "Its machine was taken out of the pool.",
        [Causes.NodeSuspended] = "Its machine was shut out of the pool.",
        [Causes.NodeTakenOver] = "Another worker took its machine's place, and what ran there is gone.",
        [Causes.HubAway] = "The hub was away, and what ran meanwhile is gone.",
        [Causes.Drained] = "Its machine was taken out of service and gave it back.",
        [Causes.Cancelled] = "It was cancelled.",
        [Causes.QueueDeadline] = "It was not started within its queue deadline.",
        [Causes.TotalTimeout] = "It took longer than its total timeout, all attempts and pauses together.",
        [Causes.CrashLimit] = "So many different machines were lost while they ran it that it is not given to another.",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Empty for a word that a later hub may say.</summary>
    public static string For(string cause) => Texts.GetValueOrDefault(cause, "");
}
