using System.Text.RegularExpressions;
using Grpc.Core;
using HiveMind.Cli;
using HiveMind.Configuration;
using HiveMind.Protos;
using HiveMind.Tests.StateStores;
using Microsoft.Extensions.Configuration;
using YamlDotNet.Serialization;

namespace HiveMind.Tests.Processes;

/// <summary>
/// compose.yaml and Dockerfile, read as an engine would read them, and the same layout started as plain processes: no engine is needed to know
/// that what they say fits what the program takes.
/// </summary>
public sealed partial class ComposeTests
{
    private const string Hub = "nodepool-";
    private static readonly Dictionary<string, Service> Services = ReadServices(out Volumes, out Subnet);
    private static readonly IReadOnlyList<string> Volumes;
    private static readonly string Subnet;
    private static readonly string Dockerfile = File.ReadAllText(Path.Combine(Repository.Root, "Dockerfile"));

    [Fact]
    public void Services_AreTheSeedsThree() =>
        Assert.Equal(["nodepool-backup", "nodepool-primary", "redis"], Services.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void Settings_OfEachHub_AreOptionsWithGoodValues()
    {
        foreach (var (name, hub) in Hubs())
        {
            var configuration = new ConfigurationBuilder().AddInMemoryCollection(
                hub.Environment.Select(pair => KeyValuePair.Create(pair.Key.Replace("__", ":", StringComparison.Ordinal), (string?)pair.Value))).Build();
            var (options, problems) = SiloConfiguration.Read(configuration, _ => null);
            Assert.True(problems.Count == 0, $"{name}: {string.Join(' ', problems)}");
            Assert.All(hub.Environment.Keys, key => Assert.StartsWith("HiveMind__", key, StringComparison.Ordinal));
            Assert.Contains($"127.0.0.1:{(name == "nodepool-primary" ? 50051 : 50052)}:{options.Grpc.Port}", hub.Ports);
            Assert.Contains(hub.Ports, port => port.EndsWith($":{options.Http.Port}", StringComparison.Ordinal));
            Assert.Equal(hub.Address, options.Cluster.AdvertisedAddress);
            Assert.StartsWith(Subnet[..Subnet.LastIndexOf('.')], options.Cluster.AdvertisedAddress, StringComparison.Ordinal);
            Assert.True(options.Cluster.SiloPort > 0, "the other silo must find it");
            foreach (var directory in new[] { options.DataDirectory, options.FilesDirectory, Path.GetDirectoryName(options.Books.ConnectionString.Split('=')[1])! })
                Assert.True(hub.Mounts.Any(mount => directory.StartsWith(mount.Path, StringComparison.Ordinal)), $"{name}: {directory} is on no volume");
        }
    }

    [Fact]
    public void Hubs_ShareDatabaseFilesRedisAndHost_AndNothingElse()
    {
        var (one, two) = (Services["nodepool-primary"], Services["nodepool-backup"]);
        Assert.Equal(one.Hostname, two.Hostname); // SQLite database: the silos of one host
        Assert.NotEmpty(one.Hostname);
        Assert.NotEqual(one.Mounts.Single(mount => mount.Path == "/data").Volume, two.Mounts.Single(mount => mount.Path == "/data").Volume);
        Assert.Equal(one.Mounts.Single(mount => mount.Path == "/shared"), two.Mounts.Single(mount => mount.Path == "/shared"));
        var different = one.Environment.Where(pair => two.Environment[pair.Key] != pair.Value).Select(pair => pair.Key);
        Assert.Equal(["HiveMind__Cluster__AdvertisedAddress"], different);
        Assert.StartsWith("redis:6379,password=${REDIS_PASSWORD:?", one.Environment["HiveMind__Redis__ConnectionString"], StringComparison.Ordinal);
    }

    [Fact]
    public void Ports_ArePublishedOnLoopbackAndNotTwice()
    {
        var published = Services.Values.SelectMany(service => service.Ports).ToList();
        Assert.All(published, port => Assert.StartsWith("127.0.0.1:", port, StringComparison.Ordinal));
        Assert.Equal(published.Count, published.Select(port => port.Split(':')[1]).Distinct().Count());
    }

    [Fact]
    public void EachService_HasAHealthCheckThatCanBeRun()
    {
        foreach (var (name, service) in Services)
        {
            Assert.True(service.Health is ["CMD", _, ..], $"{name} has no health check of the form [CMD, program, …]");
            if (service.Health[1] == "hivemind")
                Assert.Empty(App.Build(new Terminal(TextWriter.Null, TextWriter.Null)).Parse(service.Health.Skip(2).ToArray()).Errors);
            else Assert.Equal("redis-cli", service.Health[1]);
        }
    }

    [Fact]
    public void Volumes_EachIsDeclaredAndUsed() =>
        Assert.Equal(Volumes.Order(StringComparer.Ordinal), Services.Values.SelectMany(s => s.Mounts).Select(m => m.Volume).Distinct().Order(StringComparer.Ordinal));

    [Fact]
    public void Dependencies_AreServicesWithTheirHealth() => Assert.All(Services.Values.SelectMany(service => service.DependsOn), dependency =>
    {
        Assert.Contains(dependency.Service, Services.Keys);
        Assert.Equal("service_healthy", dependency.Condition);
    });

    [Fact]
    public void Bases_ArePinnedToAVersion()
    {
        var stages = From().Matches(Dockerfile).ToList();
        var names = stages.Select(stage => stage.Groups[2].Value).ToHashSet();
        var images = stages.Select(stage => stage.Groups[1].Value).Where(image => !names.Contains(image))
            .Concat(Services.Values.Where(service => service.Build is null).Select(service => service.Image).Where(image => image != Services["nodepool-primary"].Image));
        Assert.All(images, image => Assert.Matches(@":\d+\.\d+\.\d+[-a-z0-9.]*$|@sha256:[0-9a-f]{64}$", image));
        Assert.All(Hubs(), hub => Assert.Equal(Services["nodepool-primary"].Image, hub.Service.Image));
        Assert.Contains(Services["nodepool-primary"].Build!, names);
    }

    [Fact]
    public void Dockerfile_CopiesWhatIsThereAndAllThatTheProgramIsMadeOf()
    {
        var copied = Copy().Matches(Dockerfile).SelectMany(copy => copy.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries)[..^1]).ToList();
        Assert.All(copied, path => Assert.True(Path.Exists(Path.Combine(Repository.Root, path)), $"COPY {path}: there is no such thing"));
        var needed = Needed("Cli/Cli.csproj", []).Select(project => $"{Path.GetDirectoryName(project)}/");
        Assert.Empty(needed.Except(copied));
        Assert.Matches("(?m)^USER 1", Dockerfile);
    }

    [Fact]
    public async Task Layout_AsPlainProcesses_ServesThroughBothAndOutlivesThePrimary()
    {
        using var redis = await RealRedis.Start([.. RedisArguments(), "--requirepass", Password]);
        var shared = Directory.CreateTempSubdirectory("hivemind-compose-").FullName;
        try
        {
            using var primary = await new PoolProcess(Settings("nodepool-primary", redis, shared)).Start();
            using var backup = await new PoolProcess(Settings("nodepool-backup", redis, shared)).Start();
            await Healthy(primary, "nodepool-primary");
            await Healthy(backup, "nodepool-backup");
            var ada = await primary.NewUser("ada");
            var again = await backup.LogIn("ada");
            var request = new SubmitTaskRequest { TaskType = "python", TaskData = Google.Protobuf.ByteString.CopyFromUtf8("print(1)"), RequestId = "one" };
            var task = await primary.Master.SubmitTaskAsync(request, ada.Metadata);
            Assert.Equal("pending", (await backup.Status(task.TaskId, again)).Status);

            await primary.Kill();

            await Healthy(backup, "nodepool-backup");
            var still = await backup.WaitFor(task.TaskId, again, status => status.Status == "pending", 90);
            Assert.Equal(task.TaskId, still.TaskId);
            await Wait.Until(async () =>
            {
                try
                {
                    return (await backup.Master.CancelTaskAsync(new() { TaskId = task.TaskId }, again.Metadata)).Success;
                }
                catch (RpcException away) when (away.StatusCode == StatusCode.Unavailable)
                {
                    return false;
                }
            }, TimeSpan.FromSeconds(60), () => "the backup does not take over");
        }
        finally
        {
            Directory.Delete(shared, recursive: true);
        }
    }

    /// <summary>The file's own health command, told where the hub is when it is not in a container of its own.</summary>
    private static Task Healthy(PoolProcess hub, string name) => Wait.Until(async () =>
    {
        using var check = HivemindProcess.Start(null, [.. Services[name].Health!.Skip(2), "--hub", hub.Address]);
        return await check.Exited(TimeSpan.FromSeconds(30)) == 0;
    }, TimeSpan.FromSeconds(60), () => $"{name} is not healthy:\n{hub.Output}");

    /// <summary>The service's environment with containers' names, addresses and folders as they are here.</summary>
    private const string Password = "b2f0c8a1d7e94f33";

    /// <summary>No password stands where others can read it: neither in the file nor on a command line.</summary>
    [Fact]
    public void Redis_AsksForAPasswordThatIsNotInTheFile()
    {
        var redis = Services["redis"];
        Assert.StartsWith("echo requirepass $$REDISCLI_AUTH | redis-server - ", redis.Command[2], StringComparison.Ordinal);
        Assert.StartsWith("${REDIS_PASSWORD:?", redis.Environment["REDISCLI_AUTH"], StringComparison.Ordinal);
    }

    private static IEnumerable<string> RedisArguments() =>
        Services["redis"].Command[2].Split("redis-server - ")[1].Split(' ').Select(word => word == "''" ? "" : word);

    private static string[] Settings(string name, RealRedis redis, string folder) => [.. Services[name].Environment.Select(pair =>
    {
        var value = Secret().Replace(pair.Value, Password).Replace("redis:6379", redis.ConnectionString, StringComparison.Ordinal)
            .Replace("/shared", folder, StringComparison.Ordinal)
            .Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal);
        var key = pair.Key["HiveMind__".Length..].Replace("__", ":", StringComparison.Ordinal);
        return key switch
        {
            "DataDirectory" => $"{key}={Path.Combine(folder, name)}",
            "Cluster:AdvertisedAddress" => $"{key}=127.0.0.1",
            "Grpc:Port" or "Http:Port" or "Cluster:SiloPort" => "",
            _ => $"{key}={value}",
        };
    }).Where(setting => setting.Length > 0)];

    private static IEnumerable<(string Name, Service Service)> Hubs() =>
        Services.Where(pair => pair.Key.StartsWith(Hub, StringComparison.Ordinal)).Select(pair => (pair.Key, pair.Value));

    private static HashSet<string> Needed(string project, HashSet<string> known)
    {
        if (!known.Add(project)) return known;
        var text = File.ReadAllText(Path.Combine(Repository.Root, project));
        foreach (Match reference in Reference().Matches(text))
            Needed(Path.GetRelativePath(Repository.Root, Path.GetFullPath(Path.Combine(Repository.Root, Path.GetDirectoryName(project)!, reference.Groups[1].Value))), known);
        return known;
    }

    private static Dictionary<string, Service> ReadServices(out IReadOnlyList<string> volumes, out string subnet)
    {
        var parser = new YamlDotNet.Core.MergingParser(new YamlDotNet.Core.Parser(new StringReader(File.ReadAllText(Path.Combine(Repository.Root, "compose.yaml")))));
        var file = new DeserializerBuilder().Build().Deserialize<Dictionary<string, Dictionary<string, object?>>>(parser);
        volumes = [.. file["volumes"].Keys];
        subnet = Map(((List<object>)Map(Map(file["networks"]["pool"])["ipam"])["config"])[0])["subnet"].ToString()!;
        return file["services"].ToDictionary(pair => pair.Key, pair => new Service(Map(pair.Value)));
    }

    private static Dictionary<string, object> Map(object? node) => ((Dictionary<object, object>)node!).ToDictionary(pair => pair.Key.ToString()!, pair => pair.Value);

    [GeneratedRegex(@"\$\{REDIS_PASSWORD[^}]*\}")]
    private static partial Regex Secret();

    [GeneratedRegex(@"^FROM (\S+) AS (\S+)$", RegexOptions.Multiline)]
    private static partial Regex From();

    [GeneratedRegex(@"^COPY (?!--from)(.+)$", RegexOptions.Multiline)]
    private static partial Regex Copy();

    [GeneratedRegex("<ProjectReference Include=\"([^\"]+)\"")]
    private static partial Regex Reference();

    private sealed class Service(Dictionary<string, object> node)
    {
        public string Image => Text("image");
        public string Hostname => Text("hostname");
        public string? Build => node.TryGetValue("build", out var build) ? Map(build)["target"].ToString() : null;
        public IReadOnlyList<string> Command => List("command");
        public IReadOnlyList<string> Ports => List("ports");
        public Dictionary<string, string> Environment => node.TryGetValue("environment", out var all) ? Map(all).ToDictionary(p => p.Key, p => p.Value.ToString()!) : [];
        public IReadOnlyList<(string Volume, string Path)> Mounts => [.. List("volumes").Select(mount => (mount.Split(':')[0], mount.Split(':')[1]))];
        public IReadOnlyList<string>? Health => node.TryGetValue("healthcheck", out var check) ? [.. ((List<object>)Map(check)["test"]).Select(word => word.ToString()!)] : null;
        public string Address => Map(Map(node["networks"])["pool"])["ipv4_address"].ToString()!;
        public IReadOnlyList<(string Service, string Condition)> DependsOn =>
            node.TryGetValue("depends_on", out var all) ? [.. Map(all).Select(pair => (pair.Key, Map(pair.Value)["condition"].ToString()!))] : [];

        private string Text(string key) => node.TryGetValue(key, out var value) ? value.ToString()! : "";

        private IReadOnlyList<string> List(string key) => node.TryGetValue(key, out var list) ? [.. ((List<object>)list).Select(item => item.ToString()!)] : [];
    }
}
