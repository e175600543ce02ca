using System.Globalization;

namespace HiveMind.Edge;

internal static class Rfc3339
{
    /// <summary>UTC with milliseconds; empty for "not yet".</summary>
    public static string Format(DateTimeOffset? at) => at?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture) ?? "";
}
