using System.Globalization;

namespace HiveMind.Cli;

/// <summary>Times of the wire: RFC 3339, UTC.</summary>
internal static class Times
{
    /// <summary>A time ago, like 2h, or a moment: as a moment, so that the next page asks the same.</summary>
    public static string Moment(string text, TimeProvider time) => text.Contains('-', StringComparison.Ordinal) ? text
        : (time.GetUtcNow() - TimeSpan.FromSeconds(DurationText.Seconds(text))).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static DateTimeOffset Parse(string text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var moment) ? moment
            : throw new CliException(ExitCodes.Unreachable, $"What answers is no hub of this kind: '{text}' is no moment.", "BAD_ANSWER");
}
