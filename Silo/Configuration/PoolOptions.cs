using System.Net;

namespace HiveMind.Configuration;

/// <summary>The whole configuration under `HiveMind`; `docs/configuration.md` lists it, `PoolOptionsValidator` checks it at start.</summary>
public sealed class PoolOptions
{
    public const string Section = "HiveMind";

    /// <summary>Where everything of this silo lives; default $XDG_DATA_HOME/hivemind.</summary>
    public string DataDirectory { get; set; } = "";
    public GrpcOptions Grpc { get; set; } = new();
    public HttpOptions Http { get; set; } = new();
    public RedisOptions Redis { get; set; } = new();
    /// <summary>The database. The setting has the name that the design card gave it.</summary>
    public StoreOptions Books { get; set; } = new();
    public FilesOptions Files { get; set; } = new();
    public ClusterOptions Cluster { get; set; } = new();
    public AuthOptions Auth { get; set; } = new();
    public NodeOptions Nodes { get; set; } = new();
    public TaskOptions Tasks { get; set; } = new();
    public RewardOptions Rewards { get; set; } = new();
    public RateLimitOptions RateLimit { get; set; } = new();
    public SchedulingOptions Scheduling { get; set; } = new();
    public TelemetryOptions Telemetry { get; set; } = new();
    public EdgeOptions Edge { get; set; } = new();

    public bool IsEmbedded => Redis.ConnectionString.Length == 0;
    /// <summary>Where the HTTP port listens: over a network only when asked by name, or as the gRPC port does.</summary>
    public IPAddress? HttpAddress => Http.Host.Length > 0 ? GrpcOptions.Parse(Http.Host) : Grpc.Lan ? IPAddress.Loopback : Grpc.Address;
    /// <summary>Beyond loopback the HTTP port is as private as the gRPC port.</summary>
    public bool HttpSpeaksTls => Grpc.SpeaksTls && HttpAddress is { } address && !IPAddress.IsLoopback(address);
    public string StateStoreDirectory => Path.Combine(DataDirectory, "floor");
    /// <summary>Where stores grow: each may be on a disk of its own.</summary>
    public IReadOnlyList<string> StoreDirectories =>
        [DataDirectory, FilesDirectory, Path.GetDirectoryName(Storage.DatabaseLocation.FindFile(Books.ConnectionString, DataDirectory))!];
    public string FilesDirectory => Files.Directory.Length > 0 ? Files.Directory : Path.Combine(DataDirectory, "files");

    public HubOptions ToHub() => new() { Auth = Auth, Nodes = Nodes, Tasks = Tasks, Rewards = Rewards, RateLimit = RateLimit, Scheduling = Scheduling, Edge = Edge };
}

public sealed class GrpcOptions
{
    /// <summary>An IP address. Anything but loopback needs a certificate, Lan or AllowInsecure.</summary>
    public string Host { get; set; } = "127.0.0.1";
    /// <summary>`--lan`: all addresses unless Host is set, with a certificate of the silo's own unless one is given or AllowInsecure is.</summary>
    public bool Lan { get; set; }
    /// <summary>0: a free one.</summary>
    public int Port { get; set; } = 50051;
    public bool AllowInsecure { get; set; }
    /// <summary>PEM file of the certificate (chain); with KeyFile the port speaks TLS.</summary>
    public string CertificateFile { get; set; } = "";
    /// <summary>PEM file of its key.</summary>
    public string KeyFile { get; set; } = "";
    /// <summary>Calls at the same time on one connection.</summary>
    public int MaxConcurrentCalls { get; set; } = 1000;
    /// <summary>Whether tools may ask which services there are; null: on loopback only.</summary>
    public bool? Reflection { get; set; }

    public IPAddress? Address => Parse(Host);
    /// <summary>A certificate is given.</summary>
    public bool HasTls => CertificateFile.Length > 0;
    public bool SpeaksTls => HasTls || (Lan && !AllowInsecure);

    internal static IPAddress? Parse(string host) => host.Equals("localhost", StringComparison.OrdinalIgnoreCase) ? IPAddress.Loopback
        : IPAddress.TryParse(host, out var address) ? address : null;
}

public sealed class HttpOptions
{
    /// <summary>Empty: the gRPC host's address, with Lan loopback.</summary>
    public string Host { get; set; } = "";
    /// <summary>The page, health and metrics. 0: a free one.</summary>
    public int Port { get; set; } = 8080;
    /// <summary>Visitors whose pages are refreshed live at the same time.</summary>
    public int LiveVisitors { get; set; } = 100;
    /// <summary>Of them from one address and of one account; strangers have half of LiveVisitors at most.</summary>
    public int LiveVisitorsPerAddress { get; set; } = 20;
    /// <summary>Requests to the HTTP port from one address (of IPv6: one /64), in the long run and at once.</summary>
    public int RequestsPerSecond { get; set; } = 50;
    public int Burst { get; set; } = 300;
    /// <summary>Addresses and networks (`10.0.0.0/8`) that read `/metrics` and the details of `/readyz`, beside this machine.</summary>
    public List<string> StatusFrom { get; set; } = [];
    /// <summary>Addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, on both ports.</summary>
    public List<string> TrustedProxies { get; set; } = [];
}

public sealed class StoreOptions
{
    /// <summary>Empty: the embedded default.</summary>
    public string ConnectionString { get; set; } = "";
}

public sealed class RedisOptions
{
    /// <summary>StackExchange.Redis, with `password=…`. Empty: the embedded state store.</summary>
    public string ConnectionString { get; set; } = "";
    /// <summary>Takes a Redis whose `appendfsync` is not `always`: a crash of its machine then loses acknowledged work. Said at each start and in health.</summary>
    public bool AllowLossOnCrash { get; set; }
    /// <summary>How long a start waits for a Redis that does not answer, is loading, full or a replica.</summary>
    public TimeSpan StartPatience { get; set; } = TimeSpan.FromMinutes(1);
}

public sealed class FilesOptions
{
    /// <summary>Empty: `files` in the data directory. Silos of one cluster share it.</summary>
    public string Directory { get; set; } = "";
    /// <summary>How long the outputs of an ended task stay. What is up to 4 KiB stays with the task's record.</summary>
    public TimeSpan RetainResultsFor { get; set; } = TimeSpan.FromDays(30);
    /// <summary>How long an upload that stopped halfway, or that no task uses, stays.</summary>
    public TimeSpan RetainPartialsFor { get; set; } = TimeSpan.FromHours(24);
    /// <summary>Above this the outputs of the tasks that ended first go before their time; 0: no limit.</summary>
    public long MaxBytes { get; set; }
    /// <summary>How old a file is that no task names before it is removed; longer than any call between writing and naming it.</summary>
    public TimeSpan OrphansAfter { get; set; } = TimeSpan.FromHours(6);
    public TimeSpan CollectEvery { get; set; } = TimeSpan.FromHours(1);
}

public sealed class ClusterOptions
{
    /// <summary>Silos with the same id on the same Redis are one pool. [A-Za-z0-9._-]{1,64}.</summary>
    public string ClusterId { get; set; } = "hivemind";
    /// <summary>
    /// What the silos of one pool know and nobody else does, at least 32 characters; from the environment, never on the command line. Empty: from the file.
    /// </summary>
    public string Secret { get; set; } = "";
    /// <summary>The file that holds the secret. Empty: `cluster-secret` beside the database, made by the silo that comes first.</summary>
    public string SecretFile { get; set; } = "";
    /// <summary>Silo to silo. 0: the one of the last start if it is free, else any. Not used on the embedded state store.</summary>
    public int SiloPort { get; set; }
    /// <summary>The address at which the other silos reach this one.</summary>
    public string AdvertisedAddress { get; set; } = "127.0.0.1";
}

public sealed class TelemetryOptions
{
    /// <summary>Where figures and traces are sent by OTLP (an http or https URL); empty: nowhere. `/metrics` is always there.</summary>
    public string OtlpEndpoint { get; set; } = "";
    /// <summary>The part of traces that begin here which is kept, 0 to 1; of those that begin at a caller, the caller decides.</summary>
    public double TraceRatio { get; set; } = 1;

    public bool IsExported => OtlpEndpoint.Length > 0;
}
