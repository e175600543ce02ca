namespace HiveMind.Nodes;

/// <summary>All nodes of the pool, as one silo sees them.</summary>
public interface INodeDirectory
{
    /// <summary>Up to two seconds old, whoever asks: for figures, which are asked for again and again.</summary>
    Task<IReadOnlyList<NodeSnapshot>> Recent(CancellationToken cancel);
}
