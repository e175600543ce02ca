using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.Database;

public sealed class OutputsTests : IDisposable
{
    private static readonly string A = new('a', 64), B = new('b', 64), C = new('c', 64);
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task LastEnded_ResultsAndErrorsOfSeveralTasks_IsTheLatest()
    {
        using var database = _folder.OpenDatabase();
        await database.Settle([Ended("t1", A, B, 0), Ended("t2", A, A, 5), Ended("t3", B, C, 3)], Make.None);

        var ended = await database.LastEnded([A, B, C, new string('d', 64)], Make.None);

        Assert.Equal(
            new Dictionary<string, DateTimeOffset> { [A] = Make.Now.AddMinutes(5), [B] = Make.Now.AddMinutes(3), [C] = Make.Now.AddMinutes(3) }, ended);
    }

    [Fact]
    public async Task NoteExpired_EveryTaskWhoseOutputItWas_IsToldSo()
    {
        using var database = _folder.OpenDatabase();
        await database.Settle([Ended("t1", A, B, 0), Ended("t2", C, A, 5), Ended("t3", B, C, 3), Make.Settlement("small")], Make.None);

        await database.NoteExpired([A], Make.None);

        foreach (var (task, expired) in new[] { ("t1", true), ("t2", true), ("t3", false), ("small", false), ("nobody", false) })
            Assert.Equal(expired, await database.OutputsExpired(task, Make.None));
    }

    [Fact]
    public async Task ParkedOutputs_SettlementThatCannotBeWritten_KeepsItsFiles()
    {
        using var database = _folder.OpenDatabase();
        await database.Settle([Ended("bad", A, B, 0) with { State = (TaskState)9 }], Make.None);
        Assert.Equal([A, B], await database.ParkedOutputs(_ => Assert.Fail("it can be read"), Make.None));
        Assert.True(await database.OutputsKnownSince(Make.None) > DateTimeOffset.UnixEpoch);
    }

    private static HiveMind.Rewards.Settlement Ended(string task, string result, string stderr, int minute) => Make.Settlement(task) with
    {
        ResultSha256 = result, ResultSize = 5000, StderrSha256 = stderr, StderrSize = 6000, EndedAt = Make.Now.AddMinutes(minute),
    };
}
