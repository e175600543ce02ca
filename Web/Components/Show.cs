using System.Globalization;
using HiveMind.Rewards;
using HiveMind.Tasks;

namespace HiveMind.Web.Components;

/// <summary>Figures as people read them. Pure.</summary>
public static class Show
{
    public const string Nothing = "–";

    public static string Count(long count) => count.ToString("#,0", CultureInfo.InvariantCulture);

    public static string Cores(double cores) => cores.ToString("#,0.##", CultureInfo.InvariantCulture);

    public static string Memory(long megabytes) => megabytes < 1024 ? Text($"{megabytes} MiB") : $"{Gib(megabytes)} GiB";

    public static string Gib(long megabytes) => (megabytes / 1024.0).ToString("#,0.#", CultureInfo.InvariantCulture);

    public static string Seconds(double? seconds) => seconds switch
    {
        null => Nothing,
        <= 0 => "0 s",
        < 0.0995 => Text($"{seconds * 1000:0} ms"),
        < 9.95 => Text($"{seconds:0.0} s"),
        < 59.5 => Text($"{seconds:0} s"),
        < 3570 => Text($"{Math.Floor(seconds.Value / 60):0} min {Math.Floor(seconds.Value % 60):0} s"),
        _ => Text($"{Math.Floor(seconds.Value / 3600):#,0} h {Math.Floor(seconds.Value % 3600 / 60):0} min"),
    };

    public static string Ago(DateTimeOffset now, DateTimeOffset at) => (now - at).TotalSeconds switch
    {
        < 1.5 => "just now",
        < 90 and var seconds => Text($"{seconds:0} s ago"),
        < 5400 and var seconds => Text($"{seconds / 60:0} min ago"),
        < 129_600 and var seconds => Text($"{seconds / 3600:0} h ago"),
        var seconds => Text($"{seconds / 86_400:0} days ago"),
    };

    public static string Money(long micros) => Text($"{Credits.ToCredits(micros):#,0.00####}");

    public static string Clock(DateTimeOffset at) => Text($"{at.UtcDateTime:HH:mm:ss} UTC");

    public static string Machine(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static string Word(TaskState state) => state switch
    {
        TaskState.Pending => "waiting",
        TaskState.Assigned => "starting",
        TaskState.Running => "running",
        TaskState.Completed => "completed",
        TaskState.Failed => "failed",
        TaskState.Cancelled => "cancelled",
        TaskState.TimedOut => "timed out",
        TaskStates.Unreadable => "unreadable",
        _ => "unknown",
    };

    /// <summary>The colour of a state; its word stands beside it always.</summary>
    public static string Colour(TaskState state) => state switch
    {
        TaskState.Pending => "wait",
        TaskState.Assigned or TaskState.Running => "work",
        TaskState.Completed => "good",
        TaskState.Cancelled => "off",
        _ => "bad",
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
