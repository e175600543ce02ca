namespace HiveMind.Storage;

/// <summary>Where nobody watches: all is well.</summary>
public sealed class UnwatchedStores : IStoreVerdict
{
    public string? Away => null;
    public string? Shortage => null;
    public bool IsFull => false;
    public Task<bool> CanWrite() => Task.FromResult(true);
}
