using Grpc.Core;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Processes;
using Microsoft.Extensions.Time.Testing;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

public sealed class AnalyticsRpcTests
{
    private static readonly TaskAnalytics Some = new(
        DateTimeOffset.UnixEpoch, true, [new TaskFigures("python", 3, 1, new TimeSpread(1500, 1000, 3000), new TimeSpread(20, 10, 50), 2_500_000)], []);

    [Fact]
    public async Task GetAnalytics_OfAnyUser_HasTheFiguresInSeconds()
    {
        await using var gateway = TestGateway.Start();
        gateway.History.On("Analyse", _ => Task.FromResult(Some));

        var answer = await gateway.Master.GetAnalyticsAsync(new(), TestGateway.With(gateway.Alice));

        Assert.Equal(new Wire.AnalyticsRow
        {
            Name = "python", Completed = 3, Failed = 1, Credits = 2.5, RunSeconds = new() { Mean = 1.5, P50 = 1, P95 = 3 },
            WaitSeconds = new() { Mean = 0.02, P50 = 0.01, P95 = 0.05 },
        }, Assert.Single(answer.ByType));
        Assert.Equal(("1970-01-01T00:00:00.000Z", true), (answer.Since, answer.IsCut));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2161)]
    public async Task GetAnalytics_HoursOutOfRange_NamesTheField(int hours)
    {
        await using var gateway = TestGateway.Start();
        var refusal = await Refusal.Of(gateway.Master.GetAnalyticsAsync(new() { Hours = hours }, TestGateway.With(gateway.Alice)));
        Assert.Equal((StatusCode.InvalidArgument, "hours"), (refusal.Code, refusal.Fields));
    }

    [Fact]
    public async Task Of_AskedAgainAndAgain_IsComputedOnceInTenSecondsAndOneAtATime()
    {
        var time = new FakeTimeProvider();
        var asked = new List<DateTimeOffset>();
        var recent = new RecentAnalytics(Stub<ITaskHistory>.New().On("Analyse", a =>
        {
            asked.Add((DateTimeOffset)a[0]!);
            return Task.FromResult(Some);
        }).Object, time);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => recent.Of(24, CancellationToken.None)));
        await recent.Of(1, CancellationToken.None);
        Assert.Equal([time.GetUtcNow().AddHours(-24), time.GetUtcNow().AddHours(-1)], asked);
        time.Advance(TimeSpan.FromSeconds(11));
        await recent.Of(24, CancellationToken.None);
        Assert.Equal(3, asked.Count);
    }
}
