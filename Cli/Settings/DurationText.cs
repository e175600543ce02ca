using System.Globalization;
using System.Text.RegularExpressions;

namespace HiveMind.Cli;

/// <summary>Durations as people write them: 90s, 5m, 1h30m; a bare number means seconds.</summary>
internal static partial class DurationText
{
    public static long Seconds(string text) => Read(text) is > 0 and var seconds ? seconds : throw NoDuration(text);

    /// <summary>The same where 0 is a duration too.</summary>
    public static long SecondsOrNone(string text) => Read(text) ?? throw NoDuration(text);

    private static long? Read(string text) => Whole().Match(text.Trim().ToLowerInvariant()) is { Success: true } parts
        ? Part(parts, "d", 86_400) + Part(parts, "h", 3_600) + Part(parts, "m", 60) + Part(parts, "s", 1) : null;

    private static CliException NoDuration(string text) => CliException.Usage($"'{text}' is no duration: write it like 90s, 5m or 1h30m.");

    private static long Part(Match parts, string unit, long factor) =>
        parts.Groups[unit].Success ? long.Parse(parts.Groups[unit].ValueSpan, CultureInfo.InvariantCulture) * factor : 0;

    [GeneratedRegex(@"^(?=\d)((?<d>\d{1,6})d)?((?<h>\d{1,7})h)?((?<m>\d{1,9})m)?((?<s>\d{1,9})s?)?$")]
    private static partial Regex Whole();
}
