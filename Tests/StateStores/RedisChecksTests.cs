using System.Diagnostics;
using HiveMind.Storage;

namespace HiveMind.Tests.StateStores;

public sealed class RedisChecksTests
{
    private static readonly string[] Sound = ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"];

    [Fact]
    public async Task Start_SoundRedis_ServesAndCommitsAtOnce()
    {
        using var redis = await RealRedis.Start(Sound);
        await using var stateStore = await StateStore.Start(new StateStoreOptions { ConnectionString = redis.ConnectionString });
        await stateStore.Nodes.Add("a");

        Assert.Equal(["a"], await stateStore.Nodes.All());
        Assert.Null(await stateStore.Health.Check(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public Task Start_NoAppendOnlyFile_Refused() => Refused("appendonly", "--appendonly", "no");

    [Fact]
    public Task Start_Evicting_Refused() => Refused("maxmemory-policy", "--appendonly", "yes", "--maxmemory-policy", "allkeys-lru");

    [Fact]
    public Task Start_ClusterMode_Refused() => Refused("Cluster mode", "--appendonly", "yes", "--cluster-enabled", "yes");

    [Fact]
    public Task Start_NoScripts_Refused() => Refused("Lua", "--appendonly", "yes", "--rename-command", "EVAL", "", "--rename-command", "EVALSHA", "");

    [Fact]
    public async Task Start_NobodyListens_IsWaitedForAndThenAwayInOneLine()
    {
        var said = new List<string>();
        var options = new StateStoreOptions { ConnectionString = "127.0.0.1:1", CommandTimeout = TimeSpan.FromSeconds(1), StartPatience = TimeSpan.FromSeconds(3), Say = said.Add };
        var began = Stopwatch.StartNew();

        var away = await Assert.ThrowsAsync<StoreAwayException>(() => StateStore.Start(options));

        Assert.Contains("does not answer", away.Message, StringComparison.Ordinal);
        Assert.Contains("Waiting for it, up to 3 s", Assert.Single(said), StringComparison.Ordinal);
        Assert.InRange(began.Elapsed.TotalSeconds, 3, 30);
    }

    [Fact]
    public async Task Add_RedisKilled_UnavailableAndHealthSaysSo()
    {
        using var redis = await RealRedis.Start(Sound);
        await using var stateStore = await StateStore.Start(
            new StateStoreOptions { ConnectionString = redis.ConnectionString, CommandTimeout = TimeSpan.FromSeconds(1) });
        redis.Kill();

        var failure = await Assert.ThrowsAsync<HiveMindException>(() => stateStore.Nodes.Add("a"));

        Assert.Equal((FailureKind.Unavailable, StateStoreFailures.Reason), (failure.Kind, failure.Reason));
        Assert.NotNull(await stateStore.Health.Check(TimeSpan.FromSeconds(2)));
    }

    [Theory]
    [InlineData("everysec")]
    [InlineData("no")]
    public async Task Start_AppendFsyncThatMayLose_RefusedUnlessAllowedAndThenSaid(string value)
    {
        await Refused("appendfsync", "--appendonly", "yes", "--appendfsync", value, "--maxmemory-policy", "noeviction");
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", value, "--maxmemory-policy", "noeviction");

        await using var stateStore = await StateStore.Start(new StateStoreOptions { ConnectionString = redis.ConnectionString, AllowLossOnCrash = true });

        Assert.Contains($"appendfsync is '{value}'", stateStore.Risk, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_Replica_IsAwayAndSaysWhatItIs()
    {
        using var redis = await RealRedis.Start([.. Sound, "--replicaof", "127.0.0.1", "1", "--replica-serve-stale-data", "yes"]);
        Assert.Contains("replica", await Away(redis), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_MemoryFull_IsAwayAndSaysSo()
    {
        using var redis = await RealRedis.Start([.. Sound, "--maxmemory", "1"]);
        Assert.Contains("memory is full", await Away(redis), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData(",password=wrong")]
    public async Task Start_PasswordMissingOrWrong_RefusedAndNotRepeated(string given)
    {
        using var redis = await RealRedis.Start([.. Sound, "--requirepass", "hunter2hunter2"]);

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => StateStore.Start(new StateStoreOptions
        {
            ConnectionString = redis.ConnectionString + given, CommandTimeout = TimeSpan.FromSeconds(2), StartPatience = TimeSpan.Zero,
        }));

        Assert.Contains("password", Assert.Single(refused.Problems), StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", refused.Message, StringComparison.Ordinal);
        await using var stateStore = await StateStore.Start(new StateStoreOptions { ConnectionString = $"{redis.ConnectionString},password=hunter2hunter2" });
        Assert.Null(stateStore.Risk);
    }

    [Theory]
    [InlineData("LOADING Redis is loading the dataset in memory", "loading")]
    [InlineData("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", "disk")]
    [InlineData("BUSY Redis is busy running a script.", "busy")]
    public void Meaning_WhatPasses_IsWaitedFor(string said, string says)
    {
        var meaning = RedisErrors.Of(new StackExchange.Redis.RedisServerException(said));
        Assert.True(meaning.Passes);
        Assert.Contains(says, meaning.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ERR unknown command 'EVAL'", "Lua scripts must be allowed")]
    [InlineData("NOPERM this user has no permissions to run the 'eval' command", "Lua scripts")]
    public void Meaning_WhatDoesNotPass_IsRefused(string said, string says)
    {
        var meaning = RedisErrors.Of(new StackExchange.Redis.RedisServerException(said));
        Assert.False(meaning.Passes);
        Assert.Contains(says, meaning.Text, StringComparison.Ordinal);
    }

    private static async Task<string> Away(RealRedis redis) => (await Assert.ThrowsAsync<StoreAwayException>(() => StateStore.Start(new StateStoreOptions
    {
        ConnectionString = redis.ConnectionString, CommandTimeout = TimeSpan.FromSeconds(2), StartPatience = TimeSpan.Zero,
    }))).Message;

    private static async Task Refused(string expected, params string[] settings)
    {
        using var redis = await RealRedis.Start(settings);

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => StateStore.Start(new StateStoreOptions
        {
            ConnectionString = redis.ConnectionString, CommandTimeout = TimeSpan.FromSeconds(2),
        }));

        Assert.Contains(refused.Problems, problem => problem.Contains(expected, StringComparison.Ordinal) && !problem.Contains('\n'));
    }
}
