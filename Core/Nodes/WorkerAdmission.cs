namespace HiveMind.Nodes;

public enum AdmissionVerdict
{
    /// <summary>It is the one that holds the node, or that one is dead or gone.</summary>
    Admitted,
    /// <summary>The one that holds the node does not say which start it is: another is let in, as before starts were told apart, and perhaps cuts off one that lives.</summary>
    AdmittedUntold,
    /// <summary>Another holds the node, and may be dead: by trying again the asking one learns which.</summary>
    Held,
    /// <summary>Another holds the node and lives.</summary>
    InUse,
}

/// <summary>
/// One node, one worker: which start of a worker is let in. The one that is connected keeps the node for as long as it is heard, so two machines with one token do
/// not take turns; one that died is followed at once by the next start on its machine, and after some seconds of silence by any.
/// </summary>
public static class WorkerAdmission
{
    private const int SilentBeats = 2;
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(2);

    /// <summary>A word that was on its way when its worker died says nothing of afterwards.</summary>
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);

    /// <summary>How long the one that holds the node must be silent before another is let in: two heartbeats and two seconds.</summary>
    public static TimeSpan Silence(TimeSpan heartbeatInterval) => heartbeatInterval * SilentBeats + Margin;

    /// <param name="holder">The start that holds the node; empty: none, or it does not say.</param>
    /// <param name="asks">The one that asks; null: it does not say, and waits its turn like any other.</param>
    /// <param name="silent">How long the holder has not been heard; null: its lease is over.</param>
    /// <param name="heartbeatInterval">How often the holder is to be heard.</param>
    /// <param name="waiting">How long ago the asking one was first told to wait; null: it has not been.</param>
    public static AdmissionVerdict Judge(string holder, WorkerStart? asks, TimeSpan? silent, TimeSpan heartbeatInterval, TimeSpan? waiting)
    {
        if (holder.Length == 0) return AdmissionVerdict.AdmittedUntold;
        if (asks is not null && (asks.Id == holder || asks.Succeeds.Contains(holder))) return AdmissionVerdict.Admitted;
        if (silent is not { } quiet || quiet >= Silence(heartbeatInterval)) return AdmissionVerdict.Admitted;
        return waiting is { } since && quiet < since - LastWords ? AdmissionVerdict.InUse : AdmissionVerdict.Held;
    }
}
