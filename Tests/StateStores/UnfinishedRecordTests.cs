using CsCheck;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.StateStores;

public sealed class UnfinishedRecordTests
{
    private const string Id = "00112233445566778899aabbccddeeff";

    // Committed bytes of version 1: never change them. A new layout gets a new version and a line of its own.
    private const string GoldenVersion1 =
        "0102dc0500000002000001000000" + "00d4eedbec88dd08" + "00cc4a170889dd08"
        + "20" + "6666656564646363626261613939383837373636353534343333323231313030" + "06" + "707974686f6e";

    private const string GoldenVersion2 =
        "0202dc0500000002000001000000" + "00d4eedbec88dd08" + "00cc4a170889dd08"
        + "20" + "6666656564646363626261613939383837373636353534343333323231313030" + "06" + "707974686f6e"
        + "00100000" + "007841cb02000000" + "0088eb7c0989dd08" + "0475736572" + "087a6f6e65203d2061";

    private const string GoldenVersion3 = 
        "0302dc0500000002000001000000" + "00d4eedbec88dd08" + "00cc4a170889dd08"
        + "20" + "6666656564646363626261613939383837373636353534343333323231313030" + "06" + "707974686f6e"
        + "00100000" + "007841cb02000000" + "0088eb7c0989dd08" + "0475736572" + "087a6f6e65203d2061"
        + "a5f10f0000000000" + "0010000000000000";

    private const string GoldenVersion4 =
        "0402dc0500000002000001000000" + "00d4eedbec88dd08" + "00cc4a170889dd08"
        + "20" + "6666656564646363626261613939383837373636353534343333323231313030" + "06" + "707974686f6e"
        + "00100000" + "007841cb02000000" + "0088eb7c0989dd08" + "0475736572" + "087a6f6e65203d2061"
        + "a5f10f0000000000" + "0010000000000000" + "08" + "6e31206e32206e31";

    private static readonly PendingTask Golden2 = Golden1() with
    {
        Resources = new(1500, 512, 1) { DiskMb = 4096 }, RunTimeout = TimeSpan.FromMinutes(20),
        StartBy = new DateTimeOffset(2025, 5, 1, 23, 40, 0, TimeSpan.Zero), Role = "user", Labels = "zone = a",
    };

    private static readonly PendingTask Golden3 = Golden2 with { HoldMicros = 1_044_901, PayloadBytes = 4096 };

    private static readonly PendingTask Golden4 = Golden3 with { FailedOn = "n1 n2 n1" };

    private static PendingTask Golden1() => new(
        Id, "ffeeddccbbaa99887766554433221100", "python", TaskPriority.High, new ResourceRequest(1500, 512, 1),
        new DateTimeOffset(2025, 5, 1, 20, 15, 4, TimeSpan.Zero), new DateTimeOffset(2025, 5, 1, 23, 30, 0, TimeSpan.Zero));

    [Fact]
    public void Pack_GoldenTask_GoldenBytes()
    {
        Assert.Equal(GoldenVersion3, Convert.ToHexStringLower(UnfinishedRecord.Pack(Golden3)));
        Assert.Equal(GoldenVersion4, Convert.ToHexStringLower(UnfinishedRecord.Pack(Golden4)));
    }

    [Fact]
    public void Unpack_GoldenBytes_GoldenTask()
    {
        Assert.Equal(Golden1(), UnfinishedRecord.Unpack(Id, Convert.FromHexString(GoldenVersion1)));
        Assert.Equal(Golden2, UnfinishedRecord.Unpack(Id, Convert.FromHexString(GoldenVersion2)));
        Assert.Equal(Golden3, UnfinishedRecord.Unpack(Id, Convert.FromHexString(GoldenVersion3)));
        Assert.Equal(Golden4, UnfinishedRecord.Unpack(Id, Convert.FromHexString(GoldenVersion4)));
    }

    [Fact]
    public void Unpack_NewerVersion_Refused() =>
        Assert.Throws<InvalidDataException>(() => UnfinishedRecord.Unpack(Id, [5, .. UnfinishedRecord.Pack(Golden4)[1..]]));

    [Fact]
    public void Unpack_WhatWasPacked_Same() => Tasks.Sample(task => UnfinishedRecord.Unpack(Id, UnfinishedRecord.Pack(task)) == task);

    private static readonly Gen<PendingTask> Tasks = Gen.Select(
        Gen.String, Gen.String, Gen.Enum<TaskPriority>(), Gen.Select(Gen.Int, Gen.Int, Gen.Int, Gen.Int), Gen.DateTime, Gen.DateTime, Gen.Select(Gen.String, Gen.Long, Gen.Bool),
        (user, type, priority, resources, submitted, notBefore, rest) => new PendingTask(
            Id, Clean(user), Clean(type), priority,
            new ResourceRequest(resources.Item1, resources.Item2, resources.Item3) { DiskMb = resources.Item4 }, Utc(submitted), Utc(notBefore))
        {
            RunTimeout = TimeSpan.FromTicks(rest.Item2), StartBy = rest.Item3 ? Utc(notBefore) : null, Role = Clean(rest.Item1), Labels = Clean(type + user),
            HoldMicros = rest.Item2, PayloadBytes = resources.Item1, FailedOn = Clean(rest.Item1 + user),
        });

    private static DateTimeOffset Utc(DateTime moment) => new(moment.Ticks, TimeSpan.Zero);

    // Half of a surrogate pair is no text, and UTF-8 cannot say it.
    private static string Clean(string text) => new([.. text.Where(c => !char.IsSurrogate(c))]);
}
