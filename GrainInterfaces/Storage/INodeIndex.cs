namespace HiveMind.Storage;

/// <summary>Ids of all registered nodes, in the state store: written before the registration, so a superset.</summary>
public interface INodeIndex
{
    Task Add(string nodeId);
    Task Remove(string nodeId);
    Task<IReadOnlyList<string>> All();
}
