using HiveMind.Storage;
using Orleans.Runtime;

namespace HiveMind.Tests.StateStores;

/// <summary>Reminders by stretches of the ring, and by their ETag.</summary>
public sealed class EmbeddedRemindersTests : IDisposable
{
    private static readonly DateTime Start = new(2026, 11, 29, 12, 0, 0, DateTimeKind.Utc);
    private readonly TempStateStore temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public async Task ReadRows_AnyStretch_TellsThoseOnItAndNoOthers()
    {
        await using var stateStore = (EmbeddedStateStore)await temp.Start();
        var grains = Enumerable.Range(0, 60).Select(i => GrainId.Create("node", $"n{i}")).ToList();
        foreach (var grain in grains) await stateStore.Reminders.UpsertRow(Entry(grain, "liveness"));
        var hashes = grains.Select(grain => grain.GetUniformHashCode()).Order().ToList();
        uint[] bounds = [0, uint.MaxValue, hashes[0], hashes[20], hashes[20] + 1, hashes[^1]];

        foreach (var begin in bounds)
        {
            foreach (var end in bounds)
            {
                var found = (await stateStore.Reminders.ReadRows(begin, end)).Reminders.Select(row => row.GrainId.GetUniformHashCode()).Order();
                Assert.Equal(hashes.Where(hash => begin < end ? hash > begin && hash <= end : hash > begin || hash <= end), found);
            }
        }
    }

    [Fact]
    public async Task Rows_WrittenAnewAndRemoved_GoByTheirEtag()
    {
        await using var stateStore = (EmbeddedStateStore)await temp.Start();
        var (grain, like) = (GrainId.Create("node", "a"), GrainId.Create("node", "ab"));
        var first = await stateStore.Reminders.UpsertRow(Entry(grain, "one"));
        await stateStore.Reminders.UpsertRow(Entry(grain, "two ü"));
        await stateStore.Reminders.UpsertRow(Entry(like, "one"));
        var second = await stateStore.Reminders.UpsertRow(Entry(grain, "one"));

        Assert.Equal(["one", "two ü"], (await stateStore.Reminders.ReadRows(grain)).Reminders.Select(row => row.ReminderName).Order(StringComparer.Ordinal));
        var read = (await stateStore.Reminders.ReadRow(grain, "one"))!;
        Assert.Equal((second, Start, TimeSpan.FromMinutes(1)), (read.ETag, read.StartAt, read.Period));
        Assert.False(await stateStore.Reminders.RemoveRow(grain, "one", first!));
        Assert.True(await stateStore.Reminders.RemoveRow(grain, "one", second!));
        Assert.False(await stateStore.Reminders.RemoveRow(grain, "one", second!));
        Assert.Null(await stateStore.Reminders.ReadRow(grain, "one"));
        Assert.NotNull(await stateStore.Reminders.ReadRow(like, "one"));
    }

    private static ReminderEntry Entry(GrainId grain, string name) => new() { GrainId = grain, ReminderName = name, StartAt = Start, Period = TimeSpan.FromMinutes(1) };
}
