namespace HiveMind;

public sealed class TaskOptions
{
    /// <summary>How long the hub counts from receiving a heartbeat before the node's attempts are lost.</summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(15);
    /// <summary>1 to 20.</summary>
    public int MaxAttempts { get; set; } = 5;
    /// <summary>A task fails that was lost with that many different nodes, 1 to 20; 0: it takes what MaxAttempts leaves it.</summary>
    public int CrashLimit { get; set; } = 3;
    public bool AllowNoop { get; set; }
    /// <summary>How long after its end a task's record stays in the state store; from then on the database answers for it.</summary>
    public TimeSpan RetainEnded { get; set; } = TimeSpan.FromHours(24);
    /// <summary>The most a task may ask for each of its outputs, MiB.</summary>
    public int MaxOutputMb { get; set; } = 4096;
    /// <summary>The largest payload that may be uploaded, MiB. A call without chunks carries 100 at most.</summary>
    public int MaxPayloadMb { get; set; } = 8192;
    /// <summary>Task types known beside python, docker and ml_inference.</summary>
    public List<string> Types { get; set; } = [];
}
