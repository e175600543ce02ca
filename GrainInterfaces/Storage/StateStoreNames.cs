namespace HiveMind.Storage;

/// <summary>Names under which grains find the state store.</summary>
public static class StateStoreNames
{
    /// <summary>The grain storage provider.</summary>
    public const string Storage = "floor";
}
