using HiveMind.Storage;

namespace HiveMind.Tests.Floors;

public sealed class CheckpointLeftoversTests : IDisposable
{
    private static readonly DateTime Noon = new(2026, 1, 1, 12, 0, 0, DateTimeKind.Utc);
    private readonly TempFloor temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public void Remove_AbandonedBeforeTheNewestFinished_OnlyThoseGo()
    {
        Make("old-finished", finished: true, Noon.AddHours(-2));
        Make("abandoned", finished: false, Noon.AddHours(-1));
        Make("newest-finished", finished: true, Noon);
        Make("under-way", finished: false, Noon.AddMinutes(1));

        Assert.Equal(1, new CheckpointLeftovers(temp.Path).Remove());

        Assert.Equal(
            ["newest-finished", "old-finished", "under-way"],
            Directory.GetDirectories(Path.Combine(temp.Path, "cpr-checkpoints")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Remove_NoneFinished_NothingGoes()
    {
        Make("abandoned", finished: false, Noon);

        Assert.Equal(0, new CheckpointLeftovers(temp.Path).Remove());
    }

    private void Make(string token, bool finished, DateTime at)
    {
        var directory = Directory.CreateDirectory(Path.Combine(temp.Path, "cpr-checkpoints", token));
        File.WriteAllText(Path.Combine(directory.FullName, "snapshot.dat.0"), "data");
        if (finished)
        {
            File.WriteAllText(Path.Combine(directory.FullName, "info.dat.0"), "data");
        }
        directory.LastWriteTimeUtc = at;
    }
}
