using HiveMind.Benchmarks;

namespace HiveMind.Tests.StateStores;

public sealed class StateStoreKillTests : IDisposable
{
    private readonly TempStateStore temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public async Task Kill9_UnderLoad_NothingAcknowledgedIsLost()
    {
        var figures = await StateStoreKills.Measure(temp.Path, kills: 5, line => TestContext.Current.SendDiagnosticMessage(line));

        Assert.Equal(5, figures.Kills);
        Assert.True(figures.Acknowledged > 100, $"only {figures.Acknowledged} writes were acknowledged: no load");
        Assert.Equal(0, figures.Lost);
    }
}
