namespace HiveMind.Storage;

/// <summary>Names under which grains find the floor.</summary>
public static class FloorNames
{
    /// <summary>The grain storage provider.</summary>
    public const string Storage = "floor";
}
