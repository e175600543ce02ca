namespace HiveMind.Storage;

/// <summary>Names under which grains find the floor.</summary>
public static class FloorNames
{
    /// <summary>The grain storage: durable when a write returns.</summary>
    public const string Storage = "floor";
}
