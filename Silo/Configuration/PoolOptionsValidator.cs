using System.Net;
using System.Text.RegularExpressions;
using HiveMind.Clustering;
using HiveMind.Tasks;

namespace HiveMind.Configuration;

/// <summary>One clear line per problem, all of them at once.</summary>
public static partial class PoolOptionsValidator
{
    public static IReadOnlyList<string> Problems(PoolOptions o)
    {
        var problems = new List<string>();
        void Check(bool ok, string setting, string fix)
        {
            if (!ok) problems.Add($"{PoolOptions.Section}:{setting} {fix}");
        }

        static bool IsPort(int port) => port is >= 0 and <= 65535;
        static bool IsLoopback(IPAddress? address) => address is not null && IPAddress.IsLoopback(address);
        var (loopback, httpLoopback) = (IsLoopback(o.Grpc.Address), IsLoopback(o.HttpAddress));
        Check(o.Grpc.Address is not null, "Grpc:Host", $"must be an IP address or localhost, not '{o.Grpc.Host}'.");
        Check(IsPort(o.Grpc.Port), "Grpc:Port", "must be between 0 and 65535 (0: a free one).");
        Check(IsPort(o.Http.Port), "Http:Port", "must be between 0 and 65535 (0: a free one).");
        Check(o.Http.LiveVisitors is >= 0 and <= 10_000, "Http:LiveVisitors", "must be between 0 and 10000 (0: the page reloads, nobody's is live).");
        Check(o.Http.LiveVisitorsPerAddress >= 1, "Http:LiveVisitorsPerAddress", "must be 1 or more.");
        Check(o.Http.RequestsPerSecond is >= 1 and <= 1_000_000, "Http:RequestsPerSecond", "must be between 1 and 1000000.");
        Check(o.Http.Burst is >= 1 and <= 1_000_000, "Http:Burst", "must be between 1 and 1000000.");
        foreach (var (setting, networks) in new[] { ("Http:StatusFrom", o.Http.StatusFrom), ("Http:TrustedProxies", o.Http.TrustedProxies) })
            foreach (var network in networks)
                Check(Hosting.Networks.TryParse(network) is not null, setting, $"must be addresses or networks like 10.1.2.3 or 10.0.0.0/8, not '{network}'.");
        Check(IsPort(o.Cluster.SiloPort), "Cluster:SiloPort", "must be between 0 and 65535 (0: a free one).");
        Check(o.Grpc.Port == 0 || o.Grpc.Port != o.Http.Port, "Http:Port", "must differ from Grpc:Port: one port cannot speak both.");
        Check(o.Grpc.MaxConcurrentCalls is >= 1 and <= 100_000, "Grpc:MaxConcurrentCalls", "must be between 1 and 100000.");
        Check(o.Grpc.CertificateFile.Length > 0 == o.Grpc.KeyFile.Length > 0, "Grpc:CertificateFile", "and Grpc:KeyFile go together.");
        Check(o.Grpc.CertificateFile.Length == 0 || File.Exists(o.Grpc.CertificateFile), "Grpc:CertificateFile", $"'{o.Grpc.CertificateFile}' does not exist.");
        Check(o.Grpc.KeyFile.Length == 0 || File.Exists(o.Grpc.KeyFile), "Grpc:KeyFile", $"'{o.Grpc.KeyFile}' does not exist.");
        Check(loopback || o.Grpc.SpeaksTls || o.Grpc.AllowInsecure, "Grpc:Host",
            "is not a loopback address: say --lan (TLS by a certificate of its own), set Grpc:CertificateFile and Grpc:KeyFile, or "
            + "Grpc:AllowInsecure=true on a network you trust.");
        Check(o.Http.Host.Length == 0 || o.HttpAddress is not null, "Http:Host", $"must be an IP address or localhost, not '{o.Http.Host}'.");
        Check(o.Http.Host.Length == 0 || o.HttpAddress is null || httpLoopback || o.Grpc.SpeaksTls || o.Grpc.AllowInsecure, "Http:Host",
            "is not a loopback address: say --lan, set Grpc:CertificateFile and Grpc:KeyFile, or Grpc:AllowInsecure=true on a network you trust.");
        Check((loopback && httpLoopback) || o.Auth.Mode != AuthMode.Open, "Auth:Mode",
            "Open is for loopback only: set Grpc:Host and Http:Host to 127.0.0.1 or Auth:Mode to Locked.");
        Check(Enum.IsDefined(o.Auth.Mode), "Auth:Mode", "must be Locked or Open.");
        Check(o.Auth.SessionTimeout >= TimeSpan.FromMinutes(1) && o.Auth.SessionTimeout <= TimeSpan.FromDays(30), "Auth:SessionTimeout",
            "must be between 00:01:00 and 30.00:00:00.");
        Check(o.Auth.SessionMaxAge >= o.Auth.SessionTimeout && o.Auth.SessionMaxAge <= TimeSpan.FromDays(365), "Auth:SessionMaxAge",
            "must be between Auth:SessionTimeout and 365 days.");
        Check(Enum.IsDefined(o.Auth.Registration), "Auth:Registration", "must be Open, Code or Closed.");
        Check(o.Auth.RegistrationsPerAddress is >= 1 and <= 1_000_000, "Auth:RegistrationsPerAddress", "must be between 1 and 1000000.");
        Check(o.Auth.HashingSlots is >= 0 and <= 64, "Auth:HashingSlots", "must be between 0 and 64 (0: half of the cores).");
        Check(o.RateLimit.RequestsPerSecond is >= 1 and <= 1_000_000, "RateLimit:RequestsPerSecond", "must be between 1 and 1000000.");
        Check(o.RateLimit.Burst is >= 1 and <= 1_000_000, "RateLimit:Burst", "must be between 1 and 1000000.");
        Check(o.Edge.MessagesMb is >= 128 and <= 65_536, "Edge:MessagesMb", "must be between 128 and 65536.");
        Check(o.Edge.MessagesMbPerAccount >= 101 && o.Edge.MessagesMbPerAccount <= o.Edge.MessagesMb, "Edge:MessagesMbPerAccount",
            "must be between 101 (one call's most) and Edge:MessagesMb.");
        Check(o.Edge.Connections is >= 100 and <= 1_000_000, "Edge:Connections", "must be between 100 and 1000000.");
        Check(o.Edge.ConnectionsPerAddress >= 10 && o.Edge.ConnectionsPerAddress <= o.Edge.Connections, "Edge:ConnectionsPerAddress",
            "must be between 10 and Edge:Connections.");
        Check(o.Edge.ConnectionsPerAccount >= 2 && o.Edge.ConnectionsPerAccount <= o.Edge.Connections, "Edge:ConnectionsPerAccount",
            "must be between 2 and Edge:Connections.");
        Check(o.Edge.LeastBytesPerSecond is >= 0 and <= 1_048_576, "Edge:LeastBytesPerSecond", "must be between 0 (any) and 1048576.");
        Check(o.Nodes.HeartbeatInterval >= TimeSpan.FromMilliseconds(100) && o.Nodes.HeartbeatInterval * 2 <= o.Nodes.HeartbeatTimeout,
            "Nodes:HeartbeatInterval", "must be at least 0.1 s and at most half of Nodes:HeartbeatTimeout.");
        Check(o.Nodes.HeartbeatTimeout < o.Tasks.LeaseDuration, "Nodes:HeartbeatTimeout",
            "must be shorter than Tasks:LeaseDuration, so that a worker stops its runs before the hub gives them to another.");
        Check(o.Tasks.LeaseDuration <= TimeSpan.FromMinutes(10), "Tasks:LeaseDuration", "must be at most 00:10:00.");
        Check(o.Nodes.ForgetAfter >= TimeSpan.FromMinutes(1), "Nodes:ForgetAfter", "must be at least 00:01:00.");
        Check(o.Nodes.CordonAfterFailures is 0 or (>= 3 and <= 1000), "Nodes:CordonAfterFailures", "must be between 3 and 1000, or 0 (never).");
        Check(o.Nodes.CordonFor >= TimeSpan.FromSeconds(1) && o.Nodes.CordonFor <= o.Nodes.CordonForAtMost, "Nodes:CordonFor",
            "must be at least 00:00:01 and at most Nodes:CordonForAtMost.");
        Check(o.Nodes.SlowStart is >= 0 and <= 10_000, "Nodes:SlowStart", "must be between 1 and 10000, or 0 (no such limit).");
        Check(o.Nodes.TokenMaxAge == TimeSpan.Zero || o.Nodes.TokenMaxAge >= TimeSpan.FromHours(1), "Nodes:TokenMaxAge", "must be 0 (no end) or at least 01:00:00.");
        Check(o.Nodes.CordonForAtMost <= TimeSpan.FromDays(1), "Nodes:CordonForAtMost", "must be at most 1.00:00:00.");
        Check(o.Tasks.MaxAttempts is >= 1 and <= 20, "Tasks:MaxAttempts", "must be between 1 and 20.");
        Check(o.Tasks.CrashLimit is >= 0 and <= 20, "Tasks:CrashLimit", "must be between 0 and 20 (0: no such limit).");
        Check(o.Tasks.RetainEnded >= TimeSpan.FromSeconds(10) && o.Tasks.RetainEnded <= TimeSpan.FromDays(365), "Tasks:RetainEnded",
            "must be between 00:00:10 and 365.00:00:00.");
        Check(o.Tasks.MaxOutputMb is >= TaskSpec.DefaultMaxOutputMb and <= 1_048_576, "Tasks:MaxOutputMb", $"must be between {TaskSpec.DefaultMaxOutputMb} and 1048576.");
        Check(o.Tasks.MaxPayloadMb is >= Protos.ProtocolLimits.PayloadBytes >> 20 and <= 1_048_576, "Tasks:MaxPayloadMb",
            $"must be between {Protos.ProtocolLimits.PayloadBytes >> 20} and 1048576.");
        Check(o.Files.OrphansAfter >= TimeSpan.FromHours(1) && o.Files.OrphansAfter <= TimeSpan.FromDays(30), "Files:OrphansAfter",
            "must be between 01:00:00 and 30.00:00:00.");
        Check(o.Files.RetainResultsFor >= o.Files.OrphansAfter, "Files:RetainResultsFor", "must be at least Files:OrphansAfter.");
        Check(o.Files.RetainPartialsFor >= TimeSpan.FromHours(1), "Files:RetainPartialsFor", "must be at least 01:00:00.");
        Check(o.Files.MaxBytes >= 0, "Files:MaxBytes", "must be 0 (no limit) or more.");
        Check(o.Files.CollectEvery >= TimeSpan.FromMinutes(1) && o.Files.CollectEvery <= TimeSpan.FromDays(30), "Files:CollectEvery",
            "must be between 00:01:00 and 30.00:00:00.");
        foreach (var type in o.Tasks.Types)
            Check(Name().IsMatch(type), "Tasks:Types", $"'{type}' must be 1 to 64 of letters, digits, '.', '_' and '-'.");
        Check(o.Rewards.StartingCredits is >= 0 and <= 1_000_000_000, "Rewards:StartingCredits", "must be between 0 and 1000000000.");
        foreach (var (name, rate) in new[] { ("CoreHour", o.Rewards.CoreHour), ("MemoryGibHour", o.Rewards.MemoryGibHour), ("GpuHour", o.Rewards.GpuHour) })
            Check(rate is >= 0 and <= 1_000_000, $"Rewards:{name}", "must be between 0 and 1000000.");
        Check(Name().IsMatch(o.Cluster.ClusterId), "Cluster:ClusterId", "must be 1 to 64 of letters, digits, '.', '_' and '-'.");
        Check(IPAddress.TryParse(o.Cluster.AdvertisedAddress, out _), "Cluster:AdvertisedAddress", "must be an IP address.");
        Check(o.Redis.StartPatience >= TimeSpan.Zero && o.Redis.StartPatience <= TimeSpan.FromHours(1), "Redis:StartPatience", "must be between 00:00:00 and 01:00:00.");
        Check(o.Cluster.Secret.Length == 0 || o.Cluster.SecretFile.Length == 0, "Cluster:Secret", "and Cluster:SecretFile: give one of them.");
        Check(o.Cluster.Secret.Length == 0 || PoolSecret.IsStrong(o.Cluster.Secret), "Cluster:Secret", PoolSecret.Rule);
        Check(!o.Telemetry.IsExported || (Uri.TryCreate(o.Telemetry.OtlpEndpoint, UriKind.Absolute, out var otlp) && otlp.Scheme is "http" or "https"),
            "Telemetry:OtlpEndpoint",
            $"(or OTEL_EXPORTER_OTLP_ENDPOINT) must be an http or https URL like http://127.0.0.1:4317, not '{o.Telemetry.OtlpEndpoint}'.");
        Check(o.Telemetry.TraceRatio is >= 0 and <= 1, "Telemetry:TraceRatio", "must be between 0 and 1.");
        SchedulingOptionsValidator.Check(o.Scheduling, Check);
        Check(Path.IsPathFullyQualified(o.DataDirectory), "DataDirectory", "must be an absolute path.");
        return problems;
    }

    [GeneratedRegex("^[A-Za-z0-9._-]{1,64}$")]
    private static partial Regex Name();
}
