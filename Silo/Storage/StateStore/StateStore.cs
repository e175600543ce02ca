using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>
/// The store of everything live, behind the same seams on two engines: a file beside a silo that is alone, or a Redis that silos share.
/// Started before the host is built, disposed after it has stopped.
/// </summary>
public abstract class StateStore : IAsyncDisposable
{
    private long writes;

    private protected StateStore(StateStoreOptions options) => Options = options;

    public StateStoreOptions Options { get; }

    public abstract StateStoreMeta Meta { get; }

    public abstract StateStoreHealth Health { get; }

    public abstract IStateStoreIndex Unfinished { get; }

    public abstract INodeIndex Nodes { get; }

    /// <summary>A cluster's Redis; the embedded state store has none.</summary>
    public virtual IConnectionMultiplexer Redis => throw new InvalidOperationException("The embedded state store is no Redis.");

    /// <summary>What the operator has allowed that may cost acknowledged work; null when nothing.</summary>
    public virtual string? Risk => null;

    /// <summary>Durable writes of grain state so far: shows whether anything was made durable since a look before.</summary>
    public long Writes => Interlocked.Read(ref writes);

    /// <summary>Embedded: recovers and verifies. Redis: connects and checks its settings. StartRefused with a line per problem, StoreAway for what passes.</summary>
    public static async Task<StateStore> Start(StateStoreOptions options, ILoggerFactory? logs = null, TimeProvider? time = null)
    {
        time ??= TimeProvider.System;
        return options.IsEmbedded
            ? await Task.Run(() => EmbeddedStateStore.Open(options, logs ?? NullLoggerFactory.Instance, time))
            : await RedisStateStore.Connect(options, time);
    }

    public abstract ValueTask DisposeAsync();

    /// <summary>Membership, reminders and the grain storage <see cref="StateStoreNames.Storage"/>.</summary>
    internal abstract void AddTo(ISiloBuilder silo);

    internal void Written() => Interlocked.Increment(ref writes);

    private protected GuardedGrainStorage Guarded(Orleans.Storage.IGrainStorage inner, IServiceProvider services) =>
        new(inner, this, services.GetRequiredService<ILogger<GuardedGrainStorage>>());
}

/// <summary>The unfinished index and, over the same entries, the lists of open tasks.</summary>
public interface IStateStoreIndex : IUnfinishedIndex, IOpenTasks;
