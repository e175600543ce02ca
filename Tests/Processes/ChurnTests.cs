using HiveMind.Benchmarks;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

/// <summary>The churn of `Benchmarks`, smaller, and that its check finds what it is there to find.</summary>
public sealed class ChurnTests
{
    [Fact]
    public async Task Churn_WorkersAreKilled_EveryTaskCompletesFencedAndNoNodeIsOversubscribed()
    {
        using var churn = new Churn(null, tasks: 5000, workers: 4, TimeSpan.FromSeconds(2), seed: 1);

        var report = await churn.Run(
            "--HiveMind:Nodes:HeartbeatInterval=00:00:00.500", "--HiveMind:Nodes:HeartbeatTimeout=00:00:02.500", "--HiveMind:Tasks:LeaseDuration=00:00:03");

        Assert.True(report.Problems.Count == 0, report.ToString());
        Assert.True(report.Kills > 0 && report.Attempts > report.Tasks, $"nothing was lost: it shows nothing\n{report}");
    }

    [Fact]
    public void Check_GoodHistory_HasNoProblems() => Assert.Empty(Problems(Task("a", At(1, "n", 0, 10, "NODE_LOST"), At(2, "m", 10, 20)), Task("b", At(1, "n", 10, 30))));

    [Fact]
    public void Check_EachKindOfBreach_IsFound()
    {
        Assert.Contains("numbered 3", Assert.Single(Problems(Task("a", At(1, "n", 0, 10, "NODE_LOST"), At(3, "n", 10, 20)))), StringComparison.Ordinal);
        Assert.Contains("began before", Assert.Single(Problems(Task("a", At(1, "n", 0, 10, "NODE_LOST"), At(2, "m", 9, 20)))), StringComparison.Ordinal);
        Assert.Contains("ended as COMPLETED", Assert.Single(Problems(Task("a", At(1, "n", 0, 10), At(2, "n", 10, 20)))), StringComparison.Ordinal);
        Assert.Contains("node n holds 2 cores", Assert.Single(Problems(Task("a", At(1, "n", 0, 10)), Task("b", At(1, "n", 9, 20)))), StringComparison.Ordinal);
        var failed = Task("a", At(1, "n", 0, 10));
        failed.State = TaskState.Failed;
        Assert.Contains("is Failed", Assert.Single(Problems(failed)), StringComparison.Ordinal);
    }

    private static IReadOnlyList<string> Problems(params GetTaskStatusResponse[] tasks)
    {
        var capacity = new NodeCapabilities { CpuCores = 1, MemoryMb = 1000 };
        return AttemptHistory.Problems(tasks, new Dictionary<string, NodeCapabilities> { ["n"] = capacity, ["m"] = capacity });
    }

    private static GetTaskStatusResponse Task(string id, params TaskAttempt[] attempts) =>
        new() { TaskId = id, State = TaskState.Completed, Requirements = new() { CpuCores = 1, MemoryMb = 10 }, Attempts = { attempts } };

    private static TaskAttempt At(int number, string node, int from, int to, string cause = "COMPLETED") =>
        new() { Attempt = number, NodeId = node, AssignedAt = $"2026-11-25T12:00:00.0{from:00}Z", EndedAt = $"2026-11-25T12:00:00.0{to:00}Z", Cause = cause };
}
