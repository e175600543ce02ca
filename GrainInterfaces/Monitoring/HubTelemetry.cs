using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace HiveMind.Monitoring;

/// <summary>
/// Where this hub's own figures and spans come from. One of each per process, because a process is what is scraped. Nobody listening
/// means that nothing is kept.
/// </summary>
public static class HubTelemetry
{
    public const string Name = "HiveMind";

    public static readonly Meter Figures = new(Name, typeof(HubTelemetry).Assembly.GetName().Version?.ToString(3));
    public static readonly ActivitySource Spans = new(Name);

    /// <summary>Upper bounds of the buckets for what takes microseconds to seconds: a write, a call.</summary>
    public static readonly InstrumentAdvice<double> ShortTimes = new()
    {
        HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    };

    /// <summary>And for what takes up to a day: waiting, running.</summary>
    public static readonly InstrumentAdvice<double> LongTimes = new()
    {
        HistogramBucketBoundaries = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400],
    };

    /// <summary>And for how many share one write.</summary>
    public static readonly InstrumentAdvice<long> Sizes = new() { HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500] };

    public static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
