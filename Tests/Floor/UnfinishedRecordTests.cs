using CsCheck;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.Floors;

public sealed class UnfinishedRecordTests
{
    private const string Id = "00112233445566778899aabbccddeeff";

    // Committed bytes of version 1: never change them. A new layout gets a new version and a line of its own.
    private const string GoldenVersion1 =
        "0102dc0500000002000001000000" + "00d4eedbec88dd08" + "00cc4a170889dd08"
        + "20" + "6666656564646363626261613939383837373636353534343333323231313030" + "06" + "707974686f6e";

    private static readonly PendingTask Golden = new(
        Id, "ffeeddccbbaa99887766554433221100", "python", TaskPriority.High, new ResourceRequest(1500, 512, 1),
        new DateTimeOffset(2025, 5, 1, 20, 15, 4, TimeSpan.Zero), new DateTimeOffset(2025, 5, 1, 23, 30, 0, TimeSpan.Zero));

    [Fact]
    public void Pack_GoldenTask_GoldenBytes() => Assert.Equal(GoldenVersion1, Convert.ToHexStringLower(UnfinishedRecord.Pack(Golden)));

    [Fact]
    public void Unpack_GoldenBytes_GoldenTask() => Assert.Equal(Golden, UnfinishedRecord.Unpack(Id, Convert.FromHexString(GoldenVersion1)));

    [Fact]
    public void Unpack_NewerVersion_Refused() =>
        Assert.Throws<InvalidDataException>(() => UnfinishedRecord.Unpack(Id, [2, .. UnfinishedRecord.Pack(Golden)[1..]]));

    [Fact]
    public void Unpack_WhatWasPacked_Same() => Tasks.Sample(task => UnfinishedRecord.Unpack(Id, UnfinishedRecord.Pack(task)) == task);

    private static readonly Gen<PendingTask> Tasks = Gen.Select(
        Gen.String, Gen.String, Gen.Enum<TaskPriority>(), Gen.Select(Gen.Int, Gen.Int, Gen.Int), Gen.DateTime, Gen.DateTime,
        (user, type, priority, resources, submitted, notBefore) => new PendingTask(
            Id, Clean(user), Clean(type), priority, new ResourceRequest(resources.Item1, resources.Item2, resources.Item3),
            new DateTimeOffset(submitted.Ticks, TimeSpan.Zero), new DateTimeOffset(notBefore.Ticks, TimeSpan.Zero)));

    // Half of a surrogate pair is no text, and UTF-8 cannot say it.
    private static string Clean(string text) => new([.. text.Where(c => !char.IsSurrogate(c))]);
}
