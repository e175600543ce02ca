using System.Globalization;
using System.Text;

namespace HiveMind.Web.Components;

/// <summary>How a series is drawn.</summary>
public enum PlotKind { Bars, Line, Dots }

/// <summary>One series of a plot: a value per slot, null where there is none. Stacked bars stand on those of the series before.</summary>
public sealed record PlotSeries(string Name, string Colour, PlotKind Kind, IReadOnlyList<double?> Values)
{
    public bool IsStacked { get; init; } = true;
}

/// <summary>From values to the paths of an SVG of fixed size, which the page stretches. Pure. One path a series: small to send when it changes.</summary>
public static class PlotShape
{
    public const int Width = 900, Height = 100;

    /// <summary>The highest point of anything that is drawn.</summary>
    public static double Highest(IReadOnlyList<PlotSeries> series)
    {
        var slots = series.Count == 0 ? 0 : series.Max(one => one.Values.Count);
        var highest = 0.0;
        for (var slot = 0; slot < slots; slot++)
        {
            var stack = series.Where(one => one is { Kind: PlotKind.Bars, IsStacked: true }).Sum(one => one.Values[slot] ?? 0);
            highest = Math.Max(highest, Math.Max(stack, series.Max(one => one.Values[slot] ?? 0)));
        }

        return highest;
    }

    /// <summary>A few round steps of a power of ten: the first that is not below: what an axis can end with. 1 for nothing at all.</summary>
    public static double RoundUp(double value)
    {
        if (value <= 0) return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        foreach (var step in new[] { 1, 2, 3, 4, 5, 6, 8, 10 })
        {
            if (value <= step * power * (1 + 1e-9)) return step * power;
        }

        return 10 * power;
    }

    public static IReadOnlyList<(PlotSeries Series, string Path)> Paths(IReadOnlyList<PlotSeries> series, double top)
    {
        var paths = new List<(PlotSeries, string)>();
        var below = new double[series.Count == 0 ? 0 : series.Max(one => one.Values.Count)];
        foreach (var one in series)
        {
            paths.Add((one, one.Kind switch
            {
                PlotKind.Bars => Bars(one, below, top),
                PlotKind.Line => Line(one.Values, top),
                _ => Dots(one.Values, top),
            }));
        }

        return paths;
    }

    private static string Bars(PlotSeries series, double[] below, double top)
    {
        var path = new StringBuilder();
        var slot = Width / (double)series.Values.Count;
        for (var i = 0; i < series.Values.Count; i++)
        {
            if (series.Values[i] is not > 0) continue;
            var from = series.IsStacked ? below[i] : 0;
            var to = from + series.Values[i]!.Value;
            if (series.IsStacked) below[i] = to;
            path.Append(CultureInfo.InvariantCulture, $"M{Text(i * slot + slot * 0.1)} {Y(from, top)}V{Y(to, top)}H{Text(i * slot + slot * 0.9)}V{Y(from, top)}Z");
        }

        return path.ToString();
    }

    /// <summary>A step a slot, broken where nobody looked.</summary>
    private static string Line(IReadOnlyList<double?> values, double top)
    {
        var path = new StringBuilder();
        var slot = Width / (double)values.Count;
        var isDrawing = false;
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i] is not { } value)
            {
                isDrawing = false;
                continue;
            }

            if (isDrawing) path.Append(CultureInfo.InvariantCulture, $"V{Y(value, top)}");
            else path.Append(CultureInfo.InvariantCulture, $"M{Text(i * slot)} {Y(value, top)}");
            path.Append(CultureInfo.InvariantCulture, $"H{Text((i + 1) * slot)}");
            isDrawing = true;
        }

        return path.ToString();
    }

    /// <summary>A short level mark a slot: means of slots are no course of anything in between.</summary>
    private static string Dots(IReadOnlyList<double?> values, double top)
    {
        var path = new StringBuilder();
        var slot = Width / (double)values.Count;
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i] is not { } value) continue;
            var y = Height - Math.Clamp(value / top, 0, 1) * Height;
            path.Append(CultureInfo.InvariantCulture, $"M{Text(i * slot)} {Text(Math.Max(0, y - 3))}h{Text(slot)}v3h-{Text(slot)}Z");
        }

        return path.ToString();
    }

    private static string Y(double value, double top) => Text(Height - Math.Clamp(value / top, 0, 1) * Height);

    private static string Text(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
