using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Rewards;
using HiveMind.Storage;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>How long tasks waited and ran, by their types and by nodes.</summary>
internal sealed class AnalyticsHandler(RecentAnalytics analytics)
{
    private const int UsualHours = 24, MostHours = 90 * 24;

    public async Task<Wire.GetAnalyticsResponse> Show(Wire.GetAnalyticsRequest request, ServerCallContext context)
    {
        if (request.Hours is < 0 or > MostHours) throw HiveMindException.Invalid("hours", $"0 (means {UsualHours}) to {MostHours}, which is 90 days.");
        var found = await analytics.Of(request.Hours == 0 ? UsualHours : request.Hours, context.CancellationToken);
        var answer = new Wire.GetAnalyticsResponse { Success = true, Since = Rfc3339.Format(found.Since), IsCut = found.IsCut };
        answer.ByType.AddRange(found.ByType.Select(ToRow));
        answer.ByNode.AddRange(found.ByNode.Select(ToRow));
        return answer;
    }

    private static Wire.AnalyticsRow ToRow(TaskFigures figures) => new()
    {
        Name = figures.Name,
        Completed = figures.Completed,
        Failed = figures.Failed,
        RunSeconds = ToSpread(figures.Run),
        WaitSeconds = ToSpread(figures.Wait),
        Credits = Credits.ToCredits(figures.Micros),
    };

    private static Wire.TimeSpread ToSpread(TimeSpread spread) =>
        new() { Mean = spread.MeanMs / 1000, P50 = spread.P50Ms / 1000.0, P95 = spread.P95Ms / 1000.0 };
}
