using System.Diagnostics.Metrics;

namespace HiveMind.Monitoring;

/// <summary>Orleans' times, which it measures in milliseconds, again under the same names in seconds. Listens until it is disposed.</summary>
internal sealed class OrleansSeconds : IDisposable
{
    public const string MeterName = "HiveMind.Orleans";

    private readonly Meter _meter = new(MeterName);
    private readonly MeterListener _listener = new();

    public OrleansSeconds()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (!FigureViews.IsInMilliseconds(instrument) || instrument.IsObservable) return;
            listener.EnableMeasurementEvents(instrument, _meter.CreateHistogram(
                instrument.Name, "s", FigureViews.Describe(instrument), advice: HubTelemetry.ShortTimes));
        };
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, seconds) => Record(seconds, value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, seconds) => Record(seconds, value, tags));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, seconds) => Record(seconds, value, tags));
        _listener.Start();
    }

    public void Dispose()
    {
        _listener.Dispose();
        _meter.Dispose();
    }

    private static void Record(object? seconds, double milliseconds, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        ((Histogram<double>)seconds!).Record(milliseconds / 1000, tags);
}
