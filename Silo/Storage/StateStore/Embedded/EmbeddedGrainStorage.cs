using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace HiveMind.Storage;

/// <summary>
/// Grain storage on the embedded state store: durable when it returns. The same promises as the Redis provider's: a write or clear needs the ETag that
/// was read, none means that nothing is there yet, and a lost race is an InconsistentStateException that changed nothing.
/// </summary>
internal sealed class EmbeddedGrainStorage(GroupCommit commit, StateStoreReaders readers, IGrainStorageSerializer serializer, IActivatorProvider activators) : IGrainStorage
{
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var key = StateStoreLayout.State(grainId, stateName);
        if (readers.Read(reader => reader.Find(key)) is { } found)
        {
            (grainState.State, grainState.ETag, grainState.RecordExists) = (serializer.Deserialize<T>(new BinaryData(found.Value)), found.Etag.ToString("N"), true);
        }
        else
        {
            Empty(grainState);
        }

        return Task.CompletedTask;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var key = StateStoreLayout.State(grainId, stateName);
        var value = serializer.Serialize(grainState.State).ToMemory();
        var (old, next) = (grainState.ETag, Guid.NewGuid());
        // Here, and not on the writer's thread.
        var sum = Sum(key, next, value.Span);
        var isWritten = await commit.Write(change =>
        {
            if (string.IsNullOrEmpty(old)) return change.TryAdd(key, next, value.Span, sum);
            if (change.Find(key) is not { } stored || !IsSame(stored, old)) return false;
            change.Set(stored, next, value.Span, sum);
            return true;
        });
        if (!isWritten) throw Conflict("write", stateName, grainId, old);
        (grainState.ETag, grainState.RecordExists) = (next.ToString("N"), true);
    }

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var key = StateStoreLayout.State(grainId, stateName);
        var old = grainState.ETag;
        var isCleared = await commit.Write(change =>
        {
            var stored = change.Find(key);
            if (stored is null) return string.IsNullOrEmpty(old);
            if (!IsSame(stored.Value, old)) return false;
            change.Remove(stored.Value);
            return true;
        });
        if (!isCleared) throw Conflict("clear", stateName, grainId, old);
        Empty(grainState);
    }

    private void Empty<T>(IGrainState<T> grainState) =>
        (grainState.State, grainState.ETag, grainState.RecordExists) = (activators.GetActivator<T>().Create(), null, false);

    private static bool IsSame(StoredRecord stored, string? etag) => Guid.TryParseExact(etag, "N", out var asked) && stored.Etag == asked;

    private static long Sum(byte[] key, Guid etag, ReadOnlySpan<byte> value)
    {
        Span<byte> tag = stackalloc byte[16];
        etag.TryWriteBytes(tag);
        return StateStoreLayout.Sum(key, tag, value);
    }

    private static InconsistentStateException Conflict(string verb, string stateName, GrainId grainId, string? etag) =>
        new($"Version conflict ({verb}): {stateName} of {grainId} is not at ETag {etag ?? "none"}.");
}
