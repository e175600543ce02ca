using HiveMind.Workers.Connection;

namespace HiveMind.Workers;

/// <summary>What a worker is started with. Zero means: as much as the machine has.</summary>
public sealed record WorkerOptions
{
    /// <summary>The hub's address, http or https, with the pin of its key where no authority vouches for it.</summary>
    public required Uri Hub { get; init; }
    /// <summary>Further addresses of the same hub, each with its pin: tried in turn, the next one when one is away.</summary>
    public IReadOnlyList<Uri> OtherHubs { get; init; } = [];
    /// <summary>The proxy that the hub is reached through; null: none, whatever the environment says.</summary>
    public string? Proxy { get; init; }
    /// <summary>The id under which the node was registered.</summary>
    public required string NodeId { get; init; }
    /// <summary>The node's own secret, as RegisterNode answered it.</summary>
    public required string NodeToken { get; init; }
    /// <summary>At most this many cores are offered; 0: all.</summary>
    public double MaxCores { get; init; }
    /// <summary>At most this much memory is offered; 0: all but what the machine itself needs.</summary>
    public long MaxMemoryMb { get; init; }
    /// <summary>At most this many GPUs are offered; negative: all.</summary>
    public int MaxGpus { get; init; } = -1;
    /// <summary>At most this much disk is offered; 0: what is free where the work directory is, less what the machine itself needs.</summary>
    public long MaxDiskMb { get; init; }
    /// <summary>What the owner says of this machine, by name; the hub says what names and values may be.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();
    /// <summary>Takes tasks of strangers even where nothing isolates them.</summary>
    public bool Unsandboxed { get; init; }
    /// <summary>Takes tasks of strangers in a sandbox also where no control groups limit what a run uses.</summary>
    public bool AcceptStrangers { get; init; }
    /// <summary>Never isolates, even where bubblewrap works; without <see cref="Unsandboxed"/> only the owner's tasks come then.</summary>
    public bool NoSandbox { get; init; }
    /// <summary>Offers the type noop, which runs inside the worker (tests and benchmarks).</summary>
    public bool AllowNoop { get; init; }
    /// <summary>Where runs have their temporary directories; what earlier workers left there is removed at start.</summary>
    public string WorkDirectory { get; init; } = DefaultWorkDirectory();
    /// <summary>How long a stopping worker lets its runs finish before it kills them and hands them back; 0: at once.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.Zero;

    /// <summary>Below the user's own state folder: a shared temporary folder could be somebody else's trap.</summary>
    public static string DefaultWorkDirectory() => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state ? state
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state"),
        "hivemind", "worker");

    /// <summary>One line that says what is wrong, or null.</summary>
    public string? Validate() => new[] { Hub }.Concat(OtherHubs).Select(Problem).FirstOrDefault(problem => problem is not null) ?? this switch
    {
        { NodeId: "" } => "The node id is empty: register this machine first.",
        { NodeToken: "" } => "The node token is empty: register this machine first.",
        { MaxCores: < 0 } => "Cores must not be negative.",
        { MaxMemoryMb: < 0 } => "Memory must not be negative.",
        { MaxDiskMb: < 0 } => "Disk must not be negative.",
        { WorkDirectory: "" } => "The work directory is empty.",
        _ => null,
    };

    private string? Problem(Uri hub) => hub.Scheme is not ("http" or "https")
        ? $"The hub's address '{hub}' must begin with http:// or https://."
        : HubPin.Problem(hub) ?? (Proxy is null ? null : HubProxy.Problem(hub, Proxy));
}

/// <summary>What the process that runs a worker exits with.</summary>
public static class WorkerExit
{
    /// <summary>Stopped as asked.</summary>
    public const int Ok = 0;
    /// <summary>The hub refuses what this worker says; of a hub from before starts were told apart: another worker took over this node.</summary>
    public const int Refused = 1;
    /// <summary>Options that cannot be.</summary>
    public const int Usage = 2;
    /// <summary>The hub does not know this node or its token.</summary>
    public const int NotKnown = 3;
    /// <summary>What answers at the hub's address is not the hub that was meant.</summary>
    public const int NotTrusted = 4;
    /// <summary>Another worker runs as this node, with the same token: on another machine, or here.</summary>
    public const int AlreadyRunning = 5;
}
