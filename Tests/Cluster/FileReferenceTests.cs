using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.Cluster;

/// <summary>What the collector is told by the real index, records and database.</summary>
[Collection(HubCollection.Name)]
public sealed class FileReferenceTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");

    [Fact]
    public async Task References_FromSubmitToSettled_AreNeverWithoutTheFiles()
    {
        var references = new HubFileReferences(hub.Index, hub.Grains, hub.Database);
        var (payload, result, stderr) = (File(1), File(2), File(3));
        var spec = HubFixture.Spec(_type) with { Payload = payload };
        var id = await hub.Submit(spec);
        Assert.Contains(FileKey.Of(payload.Sha256), await Open());
        Assert.DoesNotContain(FileKey.Of(payload.Sha256), (await references.NamedByOpenTasks(hub.Clock.GetUtcNow().AddDays(-1), CancellationToken.None)).Named);

        var machine = await hub.Connected(_type);
        await machine.Assigned(id);
        Assert.True(await references.IsCurrentAttempt(id, 1));
        Assert.False(await references.IsCurrentAttempt(id, 2));
        Assert.Contains(FileKey.Of(payload.Sha256), await Open());

        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Report(Machine.Ended(id) with { Result = result, Stderr = stderr })).Kind);
        await hub.Settled();

        Assert.DoesNotContain(FileKey.Of(payload.Sha256), await Open());
        Assert.False(await references.IsCurrentAttempt(id, 1));
        var ended = await references.LastEnded([payload.Sha256, result.Sha256, stderr.Sha256], CancellationToken.None);
        Assert.Equal([result.Sha256, stderr.Sha256], ended.Keys.Order());

        async Task<IReadOnlySet<UInt128>> Open() => (await references.NamedByOpenTasks(hub.Clock.GetUtcNow().AddHours(1), CancellationToken.None)).Named;
    }

    [Fact]
    public async Task References_OfATaskWhoseEntryCannotBeRead_AreAskedOfTheTask()
    {
        var references = new HubFileReferences(hub.Index, hub.Grains, hub.Database);
        var payload = File(4);
        var id = await hub.Submit(HubFixture.Spec(_type) with { Payload = payload });
        await hub.Overwrite(id, [250, 1]); // as a later program wrote it: to an older one all of its entries look so

        Assert.Contains(FileKey.Of(payload.Sha256), (await references.NamedByOpenTasks(hub.Clock.GetUtcNow().AddHours(1), CancellationToken.None)).Named);
        await hub.Task(id).Cancel();
        await hub.Settled();
    }

    private static BlobRef File(int digit) => new(5000, $"{digit}{Guid.NewGuid():N}{Guid.NewGuid():N}"[..64], null);
}
