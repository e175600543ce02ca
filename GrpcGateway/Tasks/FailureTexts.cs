namespace HiveMind.Tasks;

/// <summary>The sentence for each stable word of why a task did not complete.</summary>
internal static class FailureTexts
{
    public static string For(string cause) => cause switch
    {
        "" or Causes.Completed => "",
        Causes.ProgramFailed => "The program ended with an error.",
        Causes.RunTimeout => "The run took longer than its timeout and was stopped.",
        Causes.OutOfMemory => "The program needed more memory than it asked for.",
        Causes.OutOfDisk => "The program's files grew larger than it asked for (disk_mb), or than the machine lends.",
        Causes.OutputTooLarge => "The output is larger than it may be (max_output_mb; 100 MiB unless asked for); its head was kept.",
        Causes.WorkerFault => "The worker could not run it, on every attempt.",
        Causes.WorkerRefused => "The worker refused it.",
        Causes.NodeLost => "The node running it was lost, and no other attempt is made.",
        Causes.NodeRemoved => "The node running it was removed, and no other attempt is made.",
        Causes.HubAway => "The hub was away, what ran meanwhile is gone, and no other attempt is made.",
        Causes.NodeTakenOver => "Another worker took over the node running it, and no other attempt is made.",
        Causes.NodeSuspended => "The node running it was shut out of the pool, and no other attempt is made.",
        Causes.Drained => "The node running it was drained, and no other attempt is made.",
        Causes.QueueDeadline => "It was not started within its queue deadline.",
        Causes.TotalTimeout => "It took longer than its total timeout, all attempts and pauses together.",
        Causes.CrashLimit => "So many different machines were lost while they ran it that it is not given to another.",
        "RECORD_UNREADABLE" => "Its record is there and cannot be read: it is damaged, or a later program wrote it. Tell the pool's operator.",
        Causes.Cancelled => "It was cancelled.",
        _ => cause,
    };
}
