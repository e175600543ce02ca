namespace HiveMind.Tasks;

/// <summary>The sentence for each stable word of why a task did not complete.</summary>
internal static class FailureTexts
{
    public static string For(string cause) => cause switch
    {
        "" or Causes.Completed => "",
        Causes.WorkerFault => "The worker could not run it, on every attempt: a fault of the machines', not the program's.",
        // Such an end is followed by another attempt; where it is a task's last one, none is.
        Causes.NodeLost or Causes.NodeRemoved or Causes.HubAway or Causes.NodeTakenOver or Causes.NodeSuspended or Causes.Drained =>
            $"{CauseTexts.For(cause)} No other attempt is made.",
        "RECORD_UNREADABLE" => "Its record is there and cannot be read: it is damaged, or a later program wrote it. Tell the pool's operator.",
        _ => CauseTexts.For(cause) is { Length: > 0 } text ? text : cause,
    };
}
