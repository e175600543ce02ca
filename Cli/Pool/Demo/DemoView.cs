using System.Globalization;
using HiveMind.Protos;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace HiveMind.Cli;

/// <summary>What one sees while the demo runs: a live table on a terminal, plain lines elsewhere.</summary>
internal sealed class DemoView(Terminal terminal)
{
    private LiveDisplayContext? live;
    private string phase = "";
    private IRenderable? table;
    private string lastLine = "";

    public async Task During(Func<Task> work)
    {
        if (!terminal.IsLive)
        {
            await work();
            return;
        }

        await AnsiConsole.Live(new Text("")).StartAsync(async context =>
        {
            live = context;
            try
            {
                await work();
            }
            finally
            {
                live = null;
            }
        });
    }

    public void Phase(string text)
    {
        phase = text;
        if (live is null)
        {
            terminal.Message(text);
        }
        else
        {
            Draw();
        }
    }

    public void Show(DemoPool pool, DemoWork work)
    {
        if (live is null)
        {
            ShowLine(work);
            return;
        }

        var rows = new TextTable("node", "state", "running", "counted", "given up");
        foreach (var lender in pool.Lenders)
        {
            var mine = work.Chunks.Where(task => task.Status.AssignedNode == lender.NodeId).ToList();
            rows.Add(
                lender.NodeId,
                work.Killed == lender ? "killed -9" : "lending",
                Text(mine.Count(task => task.Status.State is TaskState.Running or TaskState.Assigned)),
                Text(mine.Count(task => task.Status.State == TaskState.Completed)),
                Text(work.Chunks.Sum(task => task.Status.Attempts.Count(attempt => IsLost(attempt, lender)))));
        }

        var done = work.Chunks.Count(task => task.HasEnded);
        var waiting = work.Chunks.Count(task => task.Status.State is TaskState.Pending or TaskState.Unspecified);
        table = rows.Drawn().Title($"{done} of {work.Chunks.Count} chunks counted, {waiting} waiting");
        Draw();
    }

    private static bool IsLost(TaskAttempt attempt, DemoLender lender) =>
        attempt.NodeId == lender.NodeId && attempt.Cause.Length > 0 && attempt.Cause != "COMPLETED";

    private void ShowLine(DemoWork work)
    {
        var line = $"{work.Chunks.Count(task => task.HasEnded)} of {work.Chunks.Count} chunks counted";
        if (line != lastLine)
        {
            terminal.Message(lastLine = line);
        }
    }

    private void Draw() => live?.UpdateTarget(table is null ? new Text(phase) : new Rows(new Text(phase), table));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
