namespace HiveMind;

/// <summary>What grains and gateway need of the configuration (root `HiveMind`); the silo binds and validates it at start.</summary>
public sealed class HubOptions
{
    public AuthOptions Auth { get; set; } = new();
    public NodeOptions Nodes { get; set; } = new();
    public TaskOptions Tasks { get; set; } = new();
    public RewardOptions Rewards { get; set; } = new();
    public RateLimitOptions RateLimit { get; set; } = new();
    public SchedulingOptions Scheduling { get; set; } = new();
    public EdgeOptions Edge { get; set; } = new();

    /// <summary>Whether tasks are let in only as far as their account's balance reaches.</summary>
    public bool AsksForBalance => Rewards.RequireBalance ?? Auth.Mode == AuthMode.Locked;
}

public enum AuthMode { Locked, Open }

/// <summary>Who may make an account: anybody, whoever has a code, or only who has the admin code or one made for that very name.</summary>
public enum RegistrationMode { Open, Code, Closed }

public sealed class AuthOptions
{
    /// <summary>Locked, or Open: loopback only, calls without a token act as the account they name.</summary>
    public AuthMode Mode { get; set; } = AuthMode.Locked;
    /// <summary>1 minute to 30 days.</summary>
    public TimeSpan SessionTimeout { get; set; } = TimeSpan.FromHours(1);
    /// <summary>A session ends then, however often it was renewed: SessionTimeout to 365 days.</summary>
    public TimeSpan SessionMaxAge { get; set; } = TimeSpan.FromDays(30);
    public RegistrationMode Registration { get; set; } = RegistrationMode.Open;
    /// <summary>Accounts that one address (IPv6: /64) may make in a day without a code, 1 to 1000000.</summary>
    public int RegistrationsPerAddress { get; set; } = 100;
    /// <summary>Password hashes computed at the same time, 1 to 64; 0: half of the cores, at least 1.</summary>
    public int HashingSlots { get; set; }
}

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

public sealed class RewardOptions
{
    /// <summary>Credits of a new account.</summary>
    public decimal StartingCredits { get; set; } = 1000;
    /// <summary>Whether a task is let in only if the balance covers the most that it may cost; null: in locked mode.</summary>
    public bool? RequireBalance { get; set; }
    /// <summary>Credits per core-hour.</summary>
    public decimal CoreHour { get; set; } = 1;
    /// <summary>Credits per GiB-hour of memory.</summary>
    public decimal MemoryGibHour { get; set; } = 0.1m;
    /// <summary>Credits per GPU-hour.</summary>
    public decimal GpuHour { get; set; } = 10;
}

public sealed class RateLimitOptions
{
    public int RequestsPerSecond { get; set; } = 200;
    public int Burst { get; set; } = 400;
}

/// <summary>What callers may hold of this silo at the same time. ADR 33 says how the figures were chosen.</summary>
public sealed class EdgeOptions
{
    /// <summary>Memory for large messages that are under way, MiB, 128 to 65536; a call without chunks has up to 100.</summary>
    public int MessagesMb { get; set; } = 256;
    /// <summary>Of that one account's or one node's, MiB, 101 to MessagesMb.</summary>
    public int MessagesMbPerAccount { get; set; } = 128;
    /// <summary>Open connections to a port, 100 to 1000000; and of one address (an IPv6 /64), 10 or more; and of one account or node, 2 or more.</summary>
    public int Connections { get; set; } = 10_000;
    public int ConnectionsPerAddress { get; set; } = 6_000;
    public int ConnectionsPerAccount { get; set; } = 500;
    /// <summary>How fast a request must come, bytes a second over ten seconds of waiting, 0 to 1048576.</summary>
    public int LeastBytesPerSecond { get; set; } = 4096;
}

/// <summary>Whose turn it is, and where a task goes. `docs/scheduling.md` says where each rule comes from.</summary>
public sealed class SchedulingOptions
{
    /// <summary>BalancedSpread, BinPacking or PowerOfTwoChoices.</summary>
    public string Policy { get; set; } = "BalancedSpread";
    /// <summary>A waiting task's band rises by one in that time.</summary>
    public TimeSpan AgingStep { get; set; } = TimeSpan.FromMinutes(10);
    /// <summary>In that time half of what an account has used is forgotten.</summary>
    public TimeSpan UsageHalfLife { get; set; } = TimeSpan.FromHours(1);
    /// <summary>
    /// How long the first retry of a task leaves out the node on which it failed, where another could run it; after each further failure twice as long. At most an hour; 0: not at all.
    /// </summary>
    public TimeSpan RetryElsewhere { get; set; } = TimeSpan.FromMinutes(1);
    /// <summary>How fast a band uses up its account's share.</summary>
    public BandWeights BandWeights { get; set; } = new();
    /// <summary>Priorities (Low, Normal, High, Urgent) that only a role may use.</summary>
    public Dictionary<string, string> BandRoles { get; set; } = new(StringComparer.OrdinalIgnoreCase);
    /// <summary>Weight and quotas by role.</summary>
    public Dictionary<string, RoleOptions> Roles { get; set; } = new(StringComparer.OrdinalIgnoreCase);

    public RoleOptions OfRole(string role) => Roles.GetValueOrDefault(role) ?? RoleOptions.Default;
}

public sealed class BandWeights
{
    public double Low { get; set; } = 0.5;
    public double Normal { get; set; } = 1;
    public double High { get; set; } = 2;
    public double Urgent { get; set; } = 4;
}

/// <summary>What an account of a role may have; 0: no limit.</summary>
public sealed class RoleOptions
{
    public static readonly RoleOptions Default = new();

    /// <summary>Its share against others': twice the weight, twice the share.</summary>
    public double Weight { get; set; } = 1;
    public int MaxRunning { get; set; }
    public double MaxCores { get; set; }
    public int MaxPending { get; set; }
    public int SubmitsPerSecond { get; set; }
    /// <summary>Tasks that wait or run.</summary>
    public int MaxOpen { get; set; } = 100_000;
    /// <summary>The programs of these tasks together, MiB.</summary>
    public int MaxPayloadMb { get; set; } = 10_240;
    /// <summary>Of these tasks, those of the priority URGENT.</summary>
    public int MaxUrgent { get; set; } = 100;
    /// <summary>Uploads that are kept, whole or not.</summary>
    public int MaxUploads { get; set; } = 1000;
    /// <summary>These together, MiB.</summary>
    public int MaxUploadMb { get; set; } = 16_384;
    /// <summary>Outputs of its ended tasks that are kept as files, MiB; above that no new task is let in.</summary>
    public int MaxOutputsMb { get; set; } = 51_200;
    /// <summary>Registered nodes.</summary>
    public int MaxNodes { get; set; } = 64;
}
