using System.Text;

namespace HiveMind.Storage;

/// <summary>All registered node ids. The registration's own write comes after the entry, so its commit covers it.</summary>
internal sealed class EmbeddedNodeIndex(GroupCommit commit, StateStoreReaders readers) : INodeIndex
{
    public Task Add(string nodeId)
    {
        var key = StateStoreLayout.Node(nodeId);
        return commit.Order(change =>
        {
            if (change.Find(key) is null) change.Put(key, Guid.Empty, []);
        });
    }

    public Task Remove(string nodeId)
    {
        var key = StateStoreLayout.Node(nodeId);
        return commit.Order(change =>
        {
            if (change.Find(key) is { } stored) change.Remove(stored);
        });
    }

    public async Task<IReadOnlyList<string>> All()
    {
        await commit.Settled();
        return [.. readers.Read(reader => reader.Range(StateStoreLayout.Node(""), StateStoreLayout.After('n'))).Select(found => Encoding.UTF8.GetString(found.Key.AsSpan(2)))];
    }
}
