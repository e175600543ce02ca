using System.Globalization;

namespace HiveMind.Cli;

/// <summary>What one lender's machine did and earned.</summary>
internal sealed record DemoShare(string Lender, string NodeId, int TasksCompleted, int AttemptsBegun, double CreditsEarned, bool Killed);

/// <summary>How the demo ended, and what fell short of its promise.</summary>
internal sealed record DemoReport(
    int Files, long Bytes, int Chunks, long Words, long WordsExpected, IReadOnlyList<DemoShare> Shares, int TasksRepeated,
    double Seconds, IReadOnlyList<string> FellShort)
{
    public static DemoReport Of(Corpus corpus, DemoWork work, IReadOnlyList<DemoShare> shares, bool chaos, TimeSpan took)
    {
        var repeated = work.Chunks.Count(task => task.HasEnded && task.Status.Attempt >= 2);
        var short1 = work.Chunks.Where(task => task.Status.State != Protos.TaskState.Completed)
            .Select(task => $"task {task.TaskId} is {TaskShapes.StateWord(task.Status.State)}: {task.Status.Reason} {task.Status.ReasonText}");
        string?[] checks =
        [
            work.Words == corpus.Words ? null : $"the pool counted {work.Words} words, and there are {corpus.Words}",
            .. shares.Select(share => share.TasksCompleted > 0 ? null : $"{share.Lender} completed no task"),
            .. shares.Select(share => share.CreditsEarned > 0 ? null : $"{share.Lender} earned nothing"),
            !chaos || work.Killed is not null ? null : "no worker ran anything halfway, so none was killed",
            !chaos || repeated > 0 ? null : "no task came back as attempt 2",
        ];
        return new DemoReport(
            corpus.Files, corpus.Bytes, work.Chunks.Count, work.Words, corpus.Words, shares, repeated, Math.Round(took.TotalSeconds, 1),
            [.. short1, .. checks.OfType<string>()]);
    }

    public string Text()
    {
        var table = new TextTable("node", "lender", "tasks completed", "attempts begun", "credits earned", "");
        foreach (var share in Shares)
        {
            table.Add(
                share.NodeId, share.Lender, share.TasksCompleted.ToString(CultureInfo.InvariantCulture),
                share.AttemptsBegun.ToString(CultureInfo.InvariantCulture), Cli.Words.Credits(share.CreditsEarned),
                share.Killed ? "killed halfway" : "");
        }

        var verdict = FellShort.Count == 0 ? "All as promised." : "Fell short:\n  " + string.Join("\n  ", FellShort);
        return $"""
            {Words} words in {Files} files ({Bytes} bytes), counted by {Chunks} tasks and summed by one more in {Seconds} s.
            {TasksRepeated} tasks came back as attempt 2 or later.

            {table.Plain()}

            {verdict}
            """;
    }
}
