using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>An account of the demo with its connection.</summary>
internal sealed record DemoAccount(string Name, StoredSession Session, HubClient Client, double StartCredits);

/// <summary>Somebody who lends a machine: the account, its node, and the worker process.</summary>
internal sealed record DemoLender(DemoAccount Account, string NodeId, ChildProcess Worker);

/// <summary>A whole pool for the demo alone: free ports, a data directory of its own, a silo, two lenders, a submitter.</summary>
internal sealed class DemoPool : IAsyncDisposable
{
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(30);

    // The settings of the user's own hub must not leak into the demo's.
    private static readonly string[] OldNames =
        ["DATABASE_PATH", "DB_PATH", "TASK_STORAGE_PATH", "REDIS_HOST", "REDIS_PORT", "REDIS_DB", "GRPC_HOST", "GRPC_PORT", "MAX_WORKERS"];

    private readonly string folder = Directory.CreateTempSubdirectory("hivemind-demo-").FullName;
    private readonly List<IAsyncDisposable> children = [];
    private readonly List<HubClient> clients = [];
    private readonly List<DemoLender> lenders = [];

    public Uri Hub { get; } = new($"http://127.0.0.1:{FreePort()}");
    public IReadOnlyList<DemoLender> Lenders => lenders;
    public ChildProcess? Silo { get; private set; }
    public DemoAccount? Submitter { get; private set; }

    public async Task StartSilo(CancellationToken stop)
    {
        string[] arguments =
        [
            "silo",
            $"--HiveMind:Grpc:Port={Hub.Port.ToString(CultureInfo.InvariantCulture)}",
            $"--HiveMind:Http:Port={FreePort().ToString(CultureInfo.InvariantCulture)}",
            $"--HiveMind:DataDirectory={Path.Combine(folder, "hub")}",
            // A lost worker is noticed in seconds instead of a quarter of a minute.
            "--HiveMind:Tasks:LeaseDuration=00:00:05",
            "--HiveMind:Nodes:HeartbeatTimeout=00:00:04",
            "--HiveMind:Nodes:HeartbeatInterval=00:00:01",
        ];
        var silo = SiloChild.Start("silo", arguments, OfDemo);
        children.Add(silo);
        Silo = silo.Process;
        Keep(HubClient.Anonymous(Hub));
        await HubReadiness.Wait(silo, stop);
    }

    public async Task MakeAccounts(CancellationToken stop)
    {
        Submitter = await MakeAccount("sam", stop);
        var unsandboxed = !await WorkerVerb.TakesStrangers(stop);
        foreach (var name in new[] { "ada", "bob" })
        {
            lenders.Add(await StartLender(await MakeAccount(name, stop), unsandboxed, stop));
        }
    }

    public async Task WaitForWorkers(CancellationToken stop)
    {
        var waited = Stopwatch.StartNew();
        foreach (var lender in lenders)
        {
            while (!await IsConnected(lender, stop))
            {
                if (lender.Worker.HasExited || waited.Elapsed > ConnectPatience)
                {
                    throw new CliException(ExitCodes.TaskFailed, $"{lender.Worker.Name} did not connect:\n{lender.Worker.Tail()}", "DEMO");
                }

                await Task.Delay(100, stop);
            }
        }
    }

    public static async Task<double> Balance(HubClient client, CancellationToken stop) =>
        (await client.Users.GetUserInfoAsync(new GetUserInfoRequest(), cancellationToken: stop)).User.BalanceCredits;

    public async ValueTask DisposeAsync()
    {
        foreach (var client in clients)
        {
            client.Dispose();
        }

        // Workers before the silo, so that they leave in order.
        children.Reverse();
        foreach (var child in children)
        {
            await child.DisposeAsync();
        }

        Directory.Delete(folder, recursive: true);
    }

    private static async Task<bool> IsConnected(DemoLender lender, CancellationToken stop)
    {
        var request = new GetNodeInfoRequest { NodeId = lender.NodeId };
        return (await lender.Account.Client.Nodes.GetNodeInfoAsync(request, cancellationToken: stop)).Node.Connected;
    }

    private async Task<DemoAccount> MakeAccount(string name, CancellationToken stop)
    {
        var password = RandomNumberGenerator.GetHexString(32, lowercase: true);
        var anonymous = clients[0];
        await anonymous.Users.RegisterUserAsync(
            new RegisterUserRequest { Username = name, Password = password, Email = $"{name}@demo.invalid" }, cancellationToken: stop);
        var session = await Login.At(anonymous, name, password, stop);
        var client = Keep(HubClient.WithToken(Hub, session.Token));
        return new DemoAccount(name, session, client, await Balance(client, stop));
    }

    private async Task<DemoLender> StartLender(DemoAccount account, bool unsandboxed, CancellationToken stop)
    {
        var request = new RegisterNodeRequest
        {
            NodeId = $"{account.Name}-laptop", NodeType = "worker", Hostname = Environment.MachineName,
            // The worker measures for itself when it connects.
            Capabilities = new NodeCapabilities { CpuCores = 1, MemoryMb = 1024, SupportedTasks = { "python" } },
        };
        var node = await account.Client.Nodes.RegisterNodeAsync(request, cancellationToken: stop);
        var tokenFile = Path.Combine(folder, account.Name, "node.token");
        PrivateFile.Write(tokenFile, node.NodeToken);
        string[] arguments =
        [
            "worker", "--hub", HubAddress.Key(Hub), "--node-id", node.AssignedId, "--token-file", tokenFile, "--cores", "1",
            "--work-directory", Path.Combine(folder, account.Name, "work"), .. unsandboxed ? new[] { "--unsandboxed" } : [],
        ];
        return new DemoLender(account, node.AssignedId, Child($"worker of {account.Name}", arguments));
    }

    private ChildProcess Child(string name, string[] arguments)
    {
        var child = ChildProcess.Start(name, arguments, OfDemo);
        children.Add(child);
        return child;
    }

    private void OfDemo(ProcessStartInfo start)
    {
        start.WorkingDirectory = folder;
        foreach (var variable in start.Environment.Keys.Where(IsOurSetting).ToList())
        {
            start.Environment.Remove(variable);
        }

        foreach (var home in new[] { "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME" })
        {
            start.Environment[home] = Path.Combine(folder, "home");
        }
    }

    private static bool IsOurSetting(string variable) =>
        variable.StartsWith("HiveMind__", StringComparison.OrdinalIgnoreCase) || variable == "HIVEMIND_HUB" || OldNames.Contains(variable);

    private HubClient Keep(HubClient client)
    {
        clients.Add(client);
        return client;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
