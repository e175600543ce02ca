using HiveMind.Cli;
using HiveMind.Storage;
using StackExchange.Redis;

namespace HiveMind.Tests.StateStores;

/// <summary>What a migration compares, and what it prints.</summary>
public sealed class StateStoreDigestTests
{
    [Fact]
    public void Digest_OtherOrder_IsTheSame() => Assert.Equal(Of(("a", "1"), ("b", "2")), Of(("b", "2"), ("a", "1")));

    [Fact]
    public void Digest_AnythingElse_Differs()
    {
        var whole = Of(("a", "1"), ("b", "2"));

        Assert.NotEqual(whole, Of(("a", "1")));
        Assert.NotEqual(whole, Of(("a", "2"), ("b", "1")));
        Assert.NotEqual(whole, Of(("a1", ""), ("b", "2")));
        Assert.NotEqual(Place(1), Place(2));
    }

    [Fact]
    public void NextCommand_OfAConnectionWithASecret_LeavesItOut()
    {
        var next = MigrateVerb.NextCommand("db:6379,password=hunter2,ssl=true", ["--HiveMind:DataDirectory=/srv/my pool"]);

        Assert.EndsWith(
            " silo --HiveMind:Redis:ConnectionString=db:6379,password=PASSWORD,ssl=true '--HiveMind:DataDirectory=/srv/my pool'", next, StringComparison.Ordinal);
    }

    private static StateStoreDigest Of(params (string Field, string Value)[] entries)
    {
        var digest = new StateStoreDigest();
        digest.AddKey();
        foreach (var (field, value) in entries) digest.Add("key", RedisType.Hash, field, value);
        return digest;
    }

    private static StateStoreDigest Place(double score)
    {
        var digest = new StateStoreDigest();
        digest.Add("key", new SortedSetEntry("member", score));
        return digest;
    }
}
