using System.Globalization;

namespace HiveMind.Monitoring;

/// <summary>When a store has too little room for new work, pure: what is in must still be able to end, to be cancelled and paid.</summary>
internal static class StoreRoom
{
    /// <summary>The part of the room that new work may fill.</summary>
    public const double Share = 0.85;
    /// <summary>Of a large disk the rest may be more than all of a small one: with so much free there is room whatever the share.</summary>
    public const long Plenty = 1L << 30;

    /// <param name="used">Bytes of Redis' memory in use.</param>
    /// <param name="most">Its maxmemory; 0: no limit.</param>
    public static string? OfMemory(long used, long most) => most <= 0 || used < most * Share ? null
        : $"The pool's store is nearly full ({Percent(used, most)} of Redis' maxmemory): no new tasks until there is room; what is in goes on.";

    public static string? OfDisk(string directory, long free, long whole) => whole <= 0 || free >= Plenty || whole - free < whole * Share ? null
        : $"The disk of {directory} is nearly full ({Percent(whole - free, whole)}): no new tasks until there is room; what is in goes on.";

    /// <summary>`used_memory` and `maxmemory` of Redis' INFO; 0 where they are not named.</summary>
    public static (long Used, long Most) Read(string info)
    {
        long Of(string name) => info.Split('\n').Where(line => line.StartsWith(name, StringComparison.Ordinal))
            .Select(line => long.TryParse(line.AsSpan(name.Length).Trim(), CultureInfo.InvariantCulture, out var number) ? number : 0).FirstOrDefault();
        return (Of("used_memory:"), Of("maxmemory:"));
    }

    private static string Percent(long used, long whole) => $"{100.0 * used / whole:0} %";
}
