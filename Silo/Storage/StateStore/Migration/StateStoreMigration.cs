using System.Globalization;
using HiveMind.Configuration;
using HiveMind.Faults;
using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>What was moved.</summary>
/// <param name="StateStoreId">The state store keeps its name.</param>
/// <param name="Where">Its new place, without secrets.</param>
/// <param name="Copied">False: an earlier run had copied it; nothing but the mark may have been missing.</param>
/// <param name="Keys">Keys copied and verified, 0 when not copied.</param>
/// <param name="Entries">Fields, members and values in them.</param>
/// <param name="Hash">Over all of it, the same on both sides.</param>
public sealed record MigrationReport(string StateStoreId, string Where, bool Copied, long Keys, long Entries, string Hash);

/// <summary>
/// Moves the embedded state store of a stopped silo to a Redis. The one write that decides is <see cref="Commit"/>: before it no silo starts on the
/// Redis, after it one does (docs/adr/0016-moving-the-floor.md). Run again after any end, it goes on or begins anew.
/// </summary>
public sealed class StateStoreMigration
{
    private readonly EmbeddedStateStore source;
    private readonly RedisStateStore target;
    private readonly string serviceId, stateStoreDirectory;

    private StateStoreMigration(EmbeddedStateStore source, RedisStateStore target, string stateStoreDirectory)
    {
        (this.source, this.target, this.stateStoreDirectory) = (source, target, stateStoreDirectory);
        serviceId = source.Options.ServiceId;
    }

    private IDatabase Db => target.Redis.GetDatabase();
    private string Where => string.Join(',', target.Client.EndPoints.Select(Text)) + (Db.Database > 0 ? $" (database {Db.Database})" : "");

    /// <summary>
    /// StartRefused or StoreRefused: nothing was changed. MigrationFailed: it ended halfway, and the old state store is as it was.
    /// </summary>
    public static async Task<MigrationReport> Run(PoolOptions options, string to, CancellationToken cancel)
    {
        if (!options.IsEmbedded) throw new StartRefusedException("HiveMind:Redis:ConnectionString is set, so this pool's state store is not the embedded one: unset it to move that.");
        RefuseUnreadable(to);
        if (!Directory.Exists(options.StateStoreDirectory)) throw new StartRefusedException($"There is no embedded state store in {options.DataDirectory}: nothing to move.");
        using var taken = DataDirectoryLock.Take(options.DataDirectory);
        using var database = SqliteDatabase.Open(options.Books.ConnectionString, options.DataDirectory, TimeProvider.System);
        var files = DirectoryFiles.Open(options.FilesDirectory);
        var identities = new StoreIdentities(database.DatabaseId, files.FilesId, database.StateStoreId, database.NotedSequence);
        try
        {
            await using var target = await Target(Options(options, to));
            await using var source = (EmbeddedStateStore)await StateStore.Start(Options(options, ""));
            return await new StateStoreMigration(source, target, options.StateStoreDirectory).Run(identities, cancel);
        }
        catch (Exception away) when (away is RedisException or TimeoutException or HiveMindException or StoreAwayException)
        {
            throw new MigrationFailedException($"A store stopped answering ({away.Message.ReplaceLineEndings(" ")}).", away);
        }
    }

    private static void RefuseUnreadable(string to)
    {
        try
        {
            if (ConfigurationOptions.Parse(to).EndPoints.Count > 0) return;
        }
        catch (ArgumentException e)
        {
            throw new StartRefusedException($"--to cannot be read: {e.Message.ReplaceLineEndings(" ")}");
        }

        throw new StartRefusedException("--to names no Redis: say host:port.");
    }

    private async Task<MigrationReport> Run(StoreIdentities identities, CancellationToken cancel)
    {
        var there = new StateStoreKeys(Db, serviceId);
        var begun = (string?)await Db.StringGetAsync(StateStoreKeys.Migrating(serviceId));
        var meta = await source.Meta.Read();
        var step = MigrationRule.Decide(meta, new(await target.Meta.Read(), begun, await there.Any(cancel)), identities, StateStoreVersions.Current);
        var copied = new StateStoreDigest();
        if (step == MigrationStep.Copy)
        {
            await Begin(meta!.StateStoreId);
            await there.RemoveAll(cancel); // what an earlier run left: the old state store may have lived on since
            Failpoint.Hit(Failpoints.MigrateBegun);
            copied = await new EmbeddedEntries(source).CopyTo(Db, cancel);
            var found = await there.Digest(cancel);
            if (!copied.Equals(found)) throw new MigrationFailedException($"The copy differs: {copied} were read, {found} are in the Redis. Does another program write there?");
            Failpoint.Hit(Failpoints.MigrateBeforeCommit);
            await Commit(meta);
            Failpoint.Hit(Failpoints.MigrateAfterCommit);
        }

        StateStoreMoved.Mark(stateStoreDirectory, Where);
        return new(meta!.StateStoreId, Where, step == MigrationStep.Copy, copied.Keys, copied.Entries, step == MigrationStep.Copy ? copied.Hash : "");
    }

    /// <summary>From here on no silo starts on this Redis.</summary>
    private async Task Begin(string stateStoreId)
    {
        var change = Db.CreateTransaction();
        _ = change.StringSetAsync(StateStoreKeys.Migrating(serviceId), stateStoreId);
        _ = change.KeyDeleteAsync(RedisMeta.Key(serviceId));
        await change.ExecuteAsync();
    }

    /// <summary>The one write that decides: in one transaction the Redis gets the state store's `meta` and loses the mark of a copy.</summary>
    private async Task Commit(StateStoreMetaRecord meta)
    {
        var change = Db.CreateTransaction();
        change.AddCondition(Condition.StringEqual(StateStoreKeys.Migrating(serviceId), meta.StateStoreId));
        _ = change.HashSetAsync(RedisMeta.Key(serviceId), RedisMeta.Fields(meta));
        _ = change.KeyDeleteAsync(StateStoreKeys.Migrating(serviceId));
        if (!await change.ExecuteAsync()) throw new MigrationFailedException("Another migration to this Redis took its place.");
        await OnDisk();
    }

    /// <summary>A Redis that syncs once a second must have synced before the old state store is given up. One before 7.2 cannot be asked.</summary>
    private async Task OnDisk()
    {
        try
        {
            var answer = (RedisResult[]?)await Db.ExecuteAsync("WAITAOF", "1", "0", "5000");
            if (answer is not [var synced, ..] || (long)synced < 1) throw new MigrationFailedException("The Redis did not sync its append-only file within 5 s.");
        }
        catch (RedisServerException)
        {
            var setting = (RedisResult[]?)await Db.ExecuteAsync("CONFIG", "GET", "appendfsync");
            if (setting is [_, var value] && (string?)value == "always") return;
            await Task.Delay(TimeSpan.FromSeconds(2)); // twice the interval of everysec
        }
    }

    /// <summary>Refused, nothing being changed yet, when it is not there.</summary>
    private static async Task<RedisStateStore> Target(StateStoreOptions options)
    {
        try
        {
            return (RedisStateStore)await StateStore.Start(options);
        }
        catch (StoreAwayException away)
        {
            throw new StartRefusedException(away.Message);
        }
    }

    private static StateStoreOptions Options(PoolOptions options, string connection) => new()
    {
        ConnectionString = connection, Directory = options.StateStoreDirectory, ServiceId = options.Cluster.ClusterId, ClusterId = options.Cluster.ClusterId,
        CommandTimeout = TimeSpan.FromSeconds(10), StartPatience = TimeSpan.Zero, AllowLossOnCrash = options.Redis.AllowLossOnCrash,
    };

    private static string Text(System.Net.EndPoint endPoint) => endPoint is System.Net.DnsEndPoint dns
        ? string.Create(CultureInfo.InvariantCulture, $"{dns.Host}:{dns.Port}") : $"{endPoint}";
}
