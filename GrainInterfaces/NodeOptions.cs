namespace HiveMind;

public sealed class NodeOptions
{
    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromSeconds(3);
    /// <summary>How long the worker counts, from sending a heartbeat that was answered, before it kills its runs. Below Tasks:LeaseDuration.</summary>
    public TimeSpan HeartbeatTimeout { get; set; } = TimeSpan.FromSeconds(12);
    public TimeSpan ForgetAfter { get; set; } = TimeSpan.FromDays(7);
    /// <summary>The quick verdict. Off, the reminder alone decides (a test of that path).</summary>
    public bool LivenessTimer { get; set; } = true;
    /// <summary>Failures in a row, of several accounts, after which a machine is cordoned for a while: 3 to 1000, no account counts more than twice; 0: never.</summary>
    public int CordonAfterFailures { get; set; } = 5;
    /// <summary>How long the first time; each time in a row twice as long.</summary>
    public TimeSpan CordonFor { get; set; } = TimeSpan.FromMinutes(1);
    public TimeSpan CordonForAtMost { get; set; } = TimeSpan.FromHours(1);
    /// <summary>Tasks of others that a new node holds at a time, as many as its cores, from 2 up to this; each that succeeds doubles it. 1 to 10000; 0: no such limit.</summary>
    public int SlowStart { get; set; } = 8;
    /// <summary>A node token older than that is good for nothing; 0: it has no end until it is made anew or its node removed.</summary>
    public TimeSpan TokenMaxAge { get; set; }
}
