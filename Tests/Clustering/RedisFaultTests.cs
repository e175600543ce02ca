using System.Diagnostics;
using System.Net;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Grpc.Health.V1;
using HiveMind.Tests.StateStores;
using HiveMind.Tests.Processes;
using StackExchange.Redis;

namespace HiveMind.Tests.Clustering;

/// <summary>Redis away, frozen, filling up and full, under a real silo; and one of two silos cut from it.</summary>
public sealed class RedisFaultTests : IAsyncLifetime
{
    private static readonly string[] Sound = ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"];
    private readonly string _shared = Directory.CreateTempSubdirectory("hivemind-redis-fault-").FullName;
    private RealRedis _redis = null!;

    public async ValueTask InitializeAsync() => _redis = await RealRedis.Start(Sound);

    public ValueTask DisposeAsync()
    {
        _redis.Dispose();
        Directory.Delete(_shared, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Start_RedisAway_IsWaitedForAndSaidOnce()
    {
        _redis.Kill();
        using var pool = Pool(_redis.ConnectionString);
        var starting = pool.Start();
        await Wait.Until(() => pool.Output.Contains("Waiting for it", StringComparison.Ordinal), TimeSpan.FromSeconds(30), () => pool.Output);

        await _redis.Restart();
        await starting;

        Assert.Single(pool.Output.Split('\n'), line => line.StartsWith("hivemind:", StringComparison.Ordinal));
        Assert.NotEmpty((await pool.NewUser("ada")).UserId);
    }

    [Theory]
    [InlineData(false, "does not answer")]
    [InlineData(true, "does not answer")]
    public async Task Start_RedisAwayOrFrozenForLonger_EndsForARestart(bool frozen, string says)
    {
        if (frozen) _redis.Freeze();
        else _redis.Kill();
        using var silo = HivemindProcess.Start(null, [.. Arguments(_redis.ConnectionString), "--HiveMind:Redis:StartPatience=00:00:02"]);

        Assert.Equal(SiloHost.StoreAway, await silo.Exited(TimeSpan.FromSeconds(60)));
        Assert.Contains(says, silo.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", silo.Output, StringComparison.Ordinal); // no stack
        if (frozen) _redis.Continue();
        else await _redis.Restart();
    }

    [Fact]
    public async Task Memory_NearlyFullThenFullThenRoomAgain_ShedsSubmitsOnlyThenAllAndRecovers()
    {
        using var pool = await Pool(_redis.ConnectionString).Start();
        var user = await pool.NewUser("ada");
        var waiting = await Submit(pool, user, "one");
        var other = await Submit(pool, user, "two");
        await using var admin = await ConnectionMultiplexer.ConnectAsync($"{_redis.ConnectionString},allowAdmin=true");
        var server = admin.GetServer(_redis.ConnectionString);
        long Used() => long.Parse(server.Info("memory")[0].Single(figure => figure.Key == "used_memory").Value, System.Globalization.CultureInfo.InvariantCulture);

        await server.ConfigSetAsync("maxmemory", Used() * 100 / 88);
        RpcException shed = null!;
        await Wait.Until(async () => (shed = (await Refusal(pool, user))!) is { StatusCode: StatusCode.ResourceExhausted }, TimeSpan.FromSeconds(10), () => "submits go on at 88 %");
        Assert.Equal("STORES_NEARLY_FULL", shed.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
        Assert.True(shed.GetRpcStatus()!.GetDetail<RetryInfo>()!.RetryDelay.ToTimeSpan() > TimeSpan.Zero);
        await pool.LogIn("ada");
        Assert.True((await pool.Master.CancelTaskAsync(new() { TaskId = waiting }, user.Metadata)).Success);

        await server.ConfigSetAsync("maxmemory", 1);
        await Wait.Until(async () => (await Refusal(pool, user))?.StatusCode == StatusCode.Unavailable, TimeSpan.FromSeconds(10), () => "submits go on at 100 %");
        var cancel = await Assert.ThrowsAsync<RpcException>(async () => await pool.Master.CancelTaskAsync(new() { TaskId = other }, user.Metadata));
        Assert.Equal(StatusCode.Unavailable, cancel.StatusCode);

        await server.ConfigSetAsync("maxmemory", 0);
        await Wait.Until(async () => await Refusal(pool, user) is null, TimeSpan.FromSeconds(15), () => "no recovery");
        Assert.True((await pool.Master.CancelTaskAsync(new() { TaskId = other }, user.Metadata)).Success);
    }

    [Fact]
    public async Task Health_AskedByAStranger_CostsTheStoreNothing()
    {
        using var pool = await Pool(_redis.ConnectionString).Start();
        await using var admin = await ConnectionMultiplexer.ConnectAsync($"{_redis.ConnectionString},allowAdmin=true");
        // The check of the state store is a scripted write.
        long Writes() => admin.GetServer(_redis.ConnectionString).Info("commandstats")[0].Where(figure => figure.Key is "cmdstat_eval" or "cmdstat_evalsha")
            .Sum(figure => long.Parse(figure.Value.Split('=', ',')[1], System.Globalization.CultureInfo.InvariantCulture));
        var health = new Health.HealthClient(pool.Channel);
        using var http = new HttpClient();
        var readyz = $"http://127.0.0.1:{LocalTransportTests.PageOf(pool.Output)}/readyz";
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, (await health.CheckAsync(new())).Status);
        var (before, clock) = (Writes(), Stopwatch.StartNew());

        for (var i = 0; i < 500; i++) await health.CheckAsync(new());
        for (var i = 0; i < 200; i++) Assert.Contains("\"status\":\"ok\"", await http.GetStringAsync(readyz), StringComparison.Ordinal);

        // What the silo does for itself, a few a second; it was one for each that asked.
        Assert.InRange(Writes() - before, 0, 50 + 10 * (long)clock.Elapsed.TotalSeconds);

        _redis.Freeze();
        await Wait.Until(async () => (await health.CheckAsync(new())).Status == HealthCheckResponse.Types.ServingStatus.NotServing,
            TimeSpan.FromSeconds(20), () => "a hub whose store is gone says it serves");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await http.GetAsync(readyz)).StatusCode);
        // And calls are refused before anything of them is looked at, the token neither.
        var asked = Stopwatch.StartNew();
        await Wait.Until(async () =>
        {
            asked.Restart();
            var refused = await Assert.ThrowsAsync<RpcException>(async () => await pool.Master.GetSystemStatsAsync(new()));
            return refused.StatusCode == StatusCode.Unavailable;
        }, TimeSpan.FromSeconds(10), () => "calls are not refused");
        Assert.True(asked.Elapsed < TimeSpan.FromSeconds(1), $"refused after {asked.Elapsed.TotalSeconds:0.0} s only");
        _redis.Continue();
        await Wait.Until(async () => (await health.CheckAsync(new())).Status == HealthCheckResponse.Types.ServingStatus.Serving, TimeSpan.FromSeconds(20), () => "does not recover");
    }

    /// <summary>The cut one leaves, so that the other serves; started again, as a service manager would, it waits for Redis and comes back.</summary>
    [Fact]
    public async Task TwoSilos_OneCutFromRedis_TheOtherServesAndItComesBack()
    {
        using var way = new FreezingProxy(_redis.Port);
        using var well = await Pool(_redis.ConnectionString).Start();
        using var cut = await Pool(way.ConnectionString).Start();
        var user = await well.NewUser("ada");
        for (var i = 0; i < 20; i++) await Submit(i % 2 == 0 ? well : cut, user, $"before {i}"); // both hold grains
        way.Cut();
        var clock = Stopwatch.StartNew();
        Assert.Equal(SiloHost.StoreAway, await cut.Exited(TimeSpan.FromSeconds(30)));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"left after {clock.Elapsed.TotalSeconds:0.0} s only");
        Assert.DoesNotContain("   at ", cut.Output, StringComparison.Ordinal);
        var again = cut.Start(); // waits for Redis
        await Wait.Until(() => clock.Elapsed > TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(15), () => "");

        var (served, failed, why) = (0, 0, "");
        while (clock.Elapsed < TimeSpan.FromSeconds(25))
        {
            try
            {
                var task = await Submit(well, user, $"during {served + failed}");
                await well.Master.CancelTaskAsync(new() { TaskId = task }, user.Metadata); // else the account's quota is full before the time is over
                served++;
            }
            catch (RpcException refused)
            {
                failed++;
                why = $"{refused.StatusCode} {refused.Status.Detail}";
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{served} served and {failed} failed from 10 to 25 s of the cut");
        Assert.True(served > 20 && served >= 99 * failed, $"{served} served, {failed} failed, the last with {why}\n{well.Output}");
        way.Join();
        await again;
        var later = await cut.LogIn("ada");
        await Submit(cut, later, "after");
    }

    [Theory]
    [InlineData("Redis:AllowLossOnCrash=true", true)]
    [InlineData("Redis:AllowLossOnCrash=false", false)]
    public async Task Start_AppendFsyncEverysec_OnlyIfAllowedAndThenSaid(string setting, bool starts)
    {
        using var lossy = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction");
        if (!starts)
        {
            using var silo = HivemindProcess.Start(null, [.. Arguments(lossy.ConnectionString), $"--HiveMind:{setting}"]);
            Assert.Equal(SiloHost.BadConfiguration, await silo.Exited(TimeSpan.FromSeconds(60)));
            Assert.Contains("Redis:AllowLossOnCrash=true", silo.Output, StringComparison.Ordinal);
            return;
        }

        using var pool = await Pool(lossy.ConnectionString, setting).Start();
        Assert.Contains("a crash of its machine loses", pool.Output, StringComparison.Ordinal);
        using var http = new HttpClient();
        var answer = await http.GetStringAsync($"http://127.0.0.1:{LocalTransportTests.PageOf(pool.Output)}/readyz");
        Assert.Contains("\"status\":\"degraded\"", answer, StringComparison.Ordinal);
        Assert.Contains("a crash of its machine loses", answer, StringComparison.Ordinal);
    }

    private PoolProcess Pool(string redis, params string[] more) => new([
        $"Redis:ConnectionString={redis}", $"Books:ConnectionString=Data Source={Path.Combine(_shared, "books.db")}", $"Files:Directory={Path.Combine(_shared, "files")}",
        "Tasks:AllowNoop=true", "RateLimit:RequestsPerSecond=100000", "RateLimit:Burst=100000", .. more,
    ]);

    private string[] Arguments(string redis) =>
    [
        "silo", "--HiveMind:Grpc:Port=0", "--HiveMind:Http:Port=0", $"--HiveMind:DataDirectory={Path.Combine(_shared, "data")}", $"--HiveMind:Redis:ConnectionString={redis}",
    ];

    private static async Task<string> Submit(PoolProcess pool, Login user, string requestId) => (await pool.Master.SubmitTaskAsync(
        new() { TaskType = "noop", TaskData = ByteString.CopyFromUtf8("1"), RequestId = requestId }, user.Metadata, TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(15))).TaskId;

    private static async Task<RpcException?> Refusal(PoolProcess pool, Login user)
    {
        try
        {
            await Submit(pool, user, Guid.NewGuid().ToString("N"));
            return null;
        }
        catch (RpcException refused)
        {
            return refused;
        }
    }
}
