using System.Globalization;

namespace HiveMind.Cli;

/// <summary>Times of the wire: RFC 3339, UTC.</summary>
internal static class Times
{
    public static DateTimeOffset Parse(string text) =>
        DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
}
