using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using HiveMind.Clustering;
using HiveMind.Configuration;
using HiveMind.Tests.StateStores;
using HiveMind.Tests.Processes;
using HiveMind.Users;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Runtime;
using StackExchange.Redis;

namespace HiveMind.Tests.Clustering;

/// <summary>
/// What a stranger who reaches the silo's port can do: nothing, whether he speaks nonsense, TLS or Orleans. And a silo that lost a peer serves on.
/// </summary>
public sealed class SiloTransportTests : IAsyncLifetime
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(15);
    private readonly string _shared = Directory.CreateTempSubdirectory("hivemind-intruder-").FullName;
    private RealRedis _redis = null!;
    private PoolProcess _pool = null!;
    private Login _victim = null!;

    public async ValueTask InitializeAsync()
    {
        _redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        _pool = await new PoolProcess(
            $"Redis:ConnectionString={_redis.ConnectionString}", $"Books:ConnectionString=Data Source={Path.Combine(_shared, "books.db")}",
            $"Files:Directory={Path.Combine(_shared, "files")}").Start();
        _victim = await _pool.NewUser("victim");
    }

    public ValueTask DisposeAsync()
    {
        _pool.Dispose();
        _redis.Dispose();
        Directory.Delete(_shared, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Intruder_WithTheClusterIdButNoSecret_ReachesNoGrainAndLeavesNoTrace()
    {
        await Refused(await Victim(), null);

        await Wait.Until(() => _pool.Output.Contains("did not show that they belong to this pool", StringComparison.Ordinal), Soon, () => _pool.Output);
        await Unharmed();
    }

    [Fact]
    public async Task Intruder_WithAnotherPoolsSecret_ReachesNoGrain()
    {
        using var other = new SiloIdentity(Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)), "hivemind");

        await Refused(await Victim(), other);

        await Unharmed();
    }

    /// <summary>The same program with the secret gets in: so it is the secret that kept it out. And when it is gone, the pool is whole again.</summary>
    [Fact]
    public async Task Peer_WithTheSecret_ReachesGrainsAndMayVanish()
    {
        using var own = new SiloIdentity(PoolSecret.Read(new PoolOptions { Books = { ConnectionString = Path.Combine(_shared, "books.db") }, DataDirectory = _shared }), "hivemind");
        await using (var peer = await Intruder.Join(await Victim(), own))
        {
            AccountRow? account = null;
            await Wait.Until(async () =>
            {
                try
                {
                    account = await peer.Account(_victim.UserId);
                    return true;
                }
                catch (Exception again) when (again is not OutOfMemoryException)
                {
                    return false; // put on the peer itself, which has no accounts
                }
            }, TimeSpan.FromSeconds(30), () => "a peer with the secret reaches nothing");
            Assert.Equal("victim", account!.Username);
        }

        await Unharmed();
    }

    [Fact]
    public async Task Strangers_SpeakingNonsenseOrTls_AreCutAndNothingElseHappens()
    {
        var port = (await Victim()).Endpoint.Port;

        using (var nonsense = await Connect(port))
        {
            await nonsense.GetStream().WriteAsync(RandomNumberGenerator.GetBytes(4096));
            await Cut(nonsense.GetStream());
        }

        using (var bare = await Connect(port))
        {
            await using var tls = new SslStream(bare.GetStream(), false, (_, _, _, _) => true);
            await Refused(tls, new SslClientAuthenticationOptions { TargetHost = SiloIdentity.Name });
        }

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=HiveMind pool hivemind", key, HashAlgorithmName.SHA256);
        using var self = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        using (var wrong = await Connect(port))
        {
            await using var tls = new SslStream(wrong.GetStream(), false, (_, _, _, _) => true);
            await Refused(tls, new SslClientAuthenticationOptions { TargetHost = SiloIdentity.Name, ClientCertificates = [self] });
        }

        await Unharmed();
    }

    [Fact]
    public async Task Strangers_HoldingIdleConnections_AreCutAndAreNeverMany()
    {
        var port = (await Victim()).Endpoint.Port;
        var idle = new List<TcpClient>();
        try
        {
            for (var i = 0; i < 3 * HandshakeGate.Most; i++) idle.Add(await Connect(port));

            // While they are held, a peer still gets in.
            using var own = new SiloIdentity(PoolSecret.Read(new PoolOptions { Books = { ConnectionString = Path.Combine(_shared, "books.db") }, DataDirectory = _shared }), "hivemind");
            using var peer = await Connect(port);
            await using var tls = new SslStream(peer.GetStream(), false, (_, certificate, _, _) => own.IsOfPool((X509Certificate2)certificate!));
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = SiloIdentity.Name, ClientCertificates = [own.Certificate] }).WaitAsync(Soon);
            Assert.True(tls.IsMutuallyAuthenticated);

            await Task.WhenAll(idle.Select(one => Cut(one.GetStream())));
        }
        finally
        {
            foreach (var one in idle) one.Dispose();
        }

        await Unharmed();
    }

    /// <summary>It does not become a silo that reaches the victim; if it did, it would not reach a grain.</summary>
    private async Task Refused(SiloAddress victim, SiloIdentity? identity) => await Assert.ThrowsAnyAsync<Exception>(async () =>
    {
        await using var intruder = await Intruder.Join(victim, identity);
        await intruder.Account(_victim.UserId);
    });

    private static async Task<TcpClient> Connect(int port)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        return client;
    }

    /// <summary>Closed by the other side, in whatever way, before the patience with handshakes and a little more is over.</summary>
    private static async Task Cut(Stream stream)
    {
        try
        {
            var buffer = new byte[4096];
            while (await stream.ReadAsync(buffer).AsTask().WaitAsync(SiloTransport.HandshakePatience + Soon) > 0)
            {
            }
        }
        catch (IOException)
        {
        }
    }

    private static async Task Refused(SslStream tls, SslClientAuthenticationOptions options)
    {
        try
        {
            await tls.AuthenticateAsClientAsync(options).WaitAsync(Soon);
        }
        catch (Exception refused) when (refused is IOException or System.Security.Authentication.AuthenticationException)
        {
            return;
        }

        await Cut(tls); // in TLS 1.3 the client is done before the server has looked at its certificate
    }

    private async Task<SiloAddress> Victim()
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(_redis.ConnectionString);
        var members = await redis.GetDatabase().HashGetAllAsync("hivemind/members/hivemind");
        // S127.0.0.1:35845:154998624, of which the last is the generation.
        var name = members.Select(member => member.Name.ToString()).Single(name => name.StartsWith('S'));
        return SiloAddress.FromParsableString($"{name[1..name.LastIndexOf(':')]}@{name[(name.LastIndexOf(':') + 1)..]}");
    }

    /// <summary>Logs in, submits, and is alone: at once, not when something has timed out.</summary>
    private async Task Unharmed()
    {
        var again = await _pool.LogIn("victim");
        Assert.Equal("user", (await _pool.Users.GetUserInfoAsync(new() { UserId = again.UserId }, again.Metadata, TimeProvider.System.GetUtcNow().UtcDateTime + Soon)).User.Role);
        await Wait.Until(async () =>
        {
            try
            {
                var task = await _pool.Master.SubmitTaskAsync(new() { TaskType = "python", TaskData = Google.Protobuf.ByteString.CopyFromUtf8("print(1)") }, again.Metadata, TimeProvider.System.GetUtcNow().UtcDateTime + Soon);
                await _pool.Master.CancelTaskAsync(new() { TaskId = task.TaskId }, again.Metadata, TimeProvider.System.GetUtcNow().UtcDateTime + Soon);
                return (await _pool.Master.ListTasksAsync(new(), again.Metadata, TimeProvider.System.GetUtcNow().UtcDateTime + Soon)).Tasks.Count > 0;
            }
            catch (RpcException away) when (away.StatusCode == StatusCode.Unavailable)
            {
                return false;
            }
        }, Soon, () => $"the hub is not whole again:\n{_pool.Output}");
    }

    /// <summary>The attacker's program: an Orleans silo that made its own membership table, in which it and the victim are active.</summary>
    private sealed class Intruder(IHost host) : IAsyncDisposable
    {
        public static async Task<Intruder> Join(SiloAddress victim, SiloIdentity? identity)
        {
            var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
            builder.Logging.SetMinimumLevel(LogLevel.None);
            builder.UseOrleans(silo =>
            {
                silo.Configure<Orleans.Configuration.ClusterOptions>(cluster => cluster.ClusterId = cluster.ServiceId = "hivemind");
                silo.ConfigureEndpoints(IPAddress.Loopback, FreePort(), gatewayPort: 0, listenOnAnyHostAddress: false);
                silo.Services.AddSingleton<IMembershipTable>(new MadeUpTable(victim));
                silo.Services.AddSingleton<IFatalErrorHandler>(new Quiet()); // Orleans' own would end the process of the tests
                silo.Configure<ClusterMembershipOptions>(membership => membership.MaxJoinAttemptTime = TimeSpan.FromSeconds(5));
                silo.Configure<SiloMessagingOptions>(messaging => messaging.ResponseTimeout = TimeSpan.FromSeconds(8));
                if (identity is not null) silo.UseMutualTls(identity);
            });
            var host = builder.Build();
            try
            {
                await host.StartAsync();
                return new Intruder(host);
            }
            catch
            {
                host.Dispose();
                throw;
            }
        }

        public Task<AccountRow?> Account(string userId) => host.Services.GetRequiredService<IGrainFactory>().GetGrain<IUserGrain>(userId).GetAccount();

        public async ValueTask DisposeAsync()
        {
            using var atOnce = new CancellationTokenSource(TimeSpan.Zero); // vanishes: says goodbye to nobody
            try
            {
                await host.StopAsync(atOnce.Token);
            }
            catch (OperationCanceledException)
            {
            }

            host.Dispose();
        }

        private static int FreePort()
        {
            using var probe = new TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            return ((IPEndPoint)probe.LocalEndpoint).Port;
        }
    }

    private sealed class Quiet : IFatalErrorHandler
    {
        public bool IsUnexpected(Exception exception) => false;

        public void OnFatalException(object? sender, string? context, Exception? exception)
        {
        }
    }

    private sealed class MadeUpTable(SiloAddress victim) : IMembershipTable
    {
        private readonly Dictionary<SiloAddress, MembershipEntry> _entries = new()
        {
            [victim] = new MembershipEntry
            {
                SiloAddress = victim, Status = SiloStatus.Active, HostName = "victim", SiloName = "victim", ProxyPort = 0,
                StartTime = DateTimeOffset.UnixEpoch.AddYears(56).UtcDateTime, IAmAliveTime = DateTimeOffset.UnixEpoch.AddYears(200).UtcDateTime,
            },
        };
        private int _version = 1;

        public Task InitializeMembershipTable(bool tryInitTableVersion) => Task.CompletedTask;
        public Task DeleteMembershipTableEntries(string clusterId) => Task.CompletedTask;
        public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => Task.CompletedTask;
        public Task<MembershipTableData> ReadRow(SiloAddress key) => Task.FromResult(Table(_entries.Where(entry => entry.Key.Equals(key))));
        public Task<MembershipTableData> ReadAll() => Task.FromResult(Table(_entries));
        public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => Write(entry);
        public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) => Write(entry);
        public Task UpdateIAmAlive(MembershipEntry entry) => Task.CompletedTask;

        private Task<bool> Write(MembershipEntry entry)
        {
            if (!entry.SiloAddress.Equals(victim)) _entries[entry.SiloAddress] = entry; // the victim is never voted out
            _version++;
            return Task.FromResult(true);
        }

        private MembershipTableData Table(IEnumerable<KeyValuePair<SiloAddress, MembershipEntry>> entries) =>
            new([.. entries.Select(entry => Tuple.Create(entry.Value, "1"))], new TableVersion(_version, $"{_version}"));
    }
}
