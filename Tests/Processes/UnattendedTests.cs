using System.Diagnostics;
using Google.Protobuf;
using HiveMind.Cli;
using HiveMind.Protos;
using HiveMind.Tests.Clustering;

namespace HiveMind.Tests.Processes;

/// <summary>What scripts that nobody looks after meet: a session that went over meanwhile, a connection that died without a word.</summary>
public sealed class UnattendedTests : IDisposable
{
    private static readonly CancellationToken Stop = TestContext.Current.CancellationToken;
    private readonly string _folder = Directory.CreateTempSubdirectory("hivemind-unattended-").FullName;

    [Fact]
    public async Task LocalAccount_WhoseSessionIsOver_IsLoggedInAgain_AndNobodyElse()
    {
        using var pool = await new PoolProcess().Start();
        var (hub, sessions) = (new Uri(pool.Address), new SessionFile(_folder));
        var database = PoolSettings.Read([$"--HiveMind:DataDirectory={pool.DataDirectory}"]).DatabaseFile;
        var first = await new LocalAccount(pool.DataDirectory, database).EnsureLogin(hub, sessions, new KnownHubs(_folder), Stop);
        Assert.Equal(pool.DataDirectory, sessions.Read(hub)!.AccountDirectory);

        // Over by the clock, and ended at the hub before its time: eight programs at once take one new session.
        foreach (var over in new[] { Aged(first, 61), Aged(first, 40) })
        {
            using (var ending = HubClient.WithToken(hub, sessions.Read(hub)!.Token)) await ending.Users.LogoutUserAsync(new(), cancellationToken: Stop);
            sessions.Write(hub, over with { Token = sessions.Read(hub)!.Token });
            var tokens = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => UserAndToken(hub, sessions), Stop)));
            Assert.All(tokens, one => Assert.Equal((first.UserId, sessions.Read(hub)!.Token), one));
            Assert.Equal(pool.DataDirectory, sessions.Read(hub)!.AccountDirectory);
        }

        // A login by hand, a changed password, another hub at that address: none of them is logged in, and nothing is written.
        var kept = Path.Combine(pool.DataDirectory, "local-account.json");
        var good = File.ReadAllText(kept);
        await Stays(hub, sessions, Aged(first, 61) with { AccountDirectory = null });
        await Stays(hub, sessions, Aged(first, 61) with { Username = "somebody" });
        await Stays(hub, sessions, Aged(first, 61) with { AccountDirectory = _folder });
        File.WriteAllText(kept, good.Replace("\"password\":\"", "\"password\":\"not", StringComparison.Ordinal));
        await Stays(hub, sessions, Aged(first, 61));
        File.WriteAllText(kept, good);
        File.WriteAllText(Path.Combine(pool.DataDirectory, "hub-address"), "http://127.0.0.1:1");
        await Stays(hub, sessions, Aged(first, 61));
    }

    [Fact]
    public async Task Watch_ConnectionThatFellSilent_IsNoticedInSeconds_AndGoesOn()
    {
        using var pool = await new PoolProcess().Start();
        using var proxy = new FreezingProxy(new Uri(pool.Address).Port);
        var user = await pool.NewUser("watcher");
        var task = (await pool.Master.SubmitTaskAsync(new() { TaskType = "python", TaskData = ByteString.CopyFromUtf8("print(1)") }, user.Metadata)).TaskId;
        using var hub = HubClient.WithToken(new Uri($"http://{proxy.ConnectionString}"), user.Metadata.GetValue("authorization")!["Bearer ".Length..]);
        var sink = new Seen();
        var watching = new TaskFollow(hub, TimeProvider.System, sink).UntilEnded(task, withOutput: true, Stop);
        await sink.First.Task.WaitAsync(TimeSpan.FromSeconds(20), Stop);

        proxy.Silence();
        var clock = Stopwatch.StartNew();
        await pool.Master.CancelTaskAsync(new() { TaskId = task }, user.Metadata);
        var ended = await watching.WaitAsync(TimeSpan.FromSeconds(40), Stop);

        Assert.Equal((TaskState.Cancelled, 1), (ended.State, sink.Away));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"{clock.Elapsed.TotalSeconds:0.0} s"); // the hub's own word of life comes each 20 s, three are missed after 60
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static StoredSession Aged(StoredSession session, int minutes)
    {
        var obtained = TimeProvider.System.GetUtcNow().AddMinutes(-minutes);
        return session with { ObtainedAt = obtained, ExpiresAt = obtained.AddHours(1) };
    }

    private static async Task<(string, string)> UserAndToken(Uri hub, SessionFile sessions)
    {
        using var client = HubClient.WithSession(hub, sessions, TimeProvider.System);
        await client.RenewIfNeeded(Stop);
        return ((await client.Users.GetUserInfoAsync(new(), cancellationToken: Stop)).User.UserId, client.Session!.Token);
    }

    private static async Task Stays(Uri hub, SessionFile sessions, StoredSession session)
    {
        sessions.Write(hub, session);
        using var client = HubClient.WithSession(hub, sessions, TimeProvider.System);
        await client.RenewIfNeeded(Stop);
        Assert.Equal(session, sessions.Read(hub));
        Assert.Equal(session.Token, client.Session!.Token);
    }

    private sealed class Seen : IWatchSink
    {
        public TaskCompletionSource First { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public int Away { get; private set; }

        public void Snapshot(GetTaskStatusResponse task) => First.TrySetResult();
        public Task<bool> Output(WatchOutput output, CancellationToken stop) => Task.FromResult(true);
        public bool IsComplete(string stream) => true;
        public void HubAway() => Away++;
    }
}
