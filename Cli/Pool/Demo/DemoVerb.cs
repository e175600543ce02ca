using System.CommandLine;
using System.Diagnostics;

namespace HiveMind.Cli;

/// <summary>`demo`: the pool's whole story in one command, with a worker killed in the middle of it.</summary>
internal sealed class DemoVerb : Verb
{
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(20);

    private readonly Option<string?> input =
        new("--input") { Description = "Folder or file whose words are counted (this repository).", HelpName = "PATH" };
    private readonly Option<bool> noChaos = new("--no-chaos") { Description = "Kill no worker halfway." };
    private readonly Option<bool> keep = new("--keep") { Description = "Leave the pool running until Ctrl-C." };

    public DemoVerb(Terminal terminal) : base("demo", "Show the whole pool at work on this machine, under a minute.", terminal)
    {
        Add(input);
        Add(noChaos);
        Add(keep);
        Hub.Hidden = true;
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        if (parsed.GetValue(Hub) is not null)
        {
            throw CliException.Usage("The demo starts a hub of its own: leave --hub out.");
        }

        var begun = Stopwatch.StartNew();
        var from = Path.GetFullPath(parsed.GetValue(input) ?? TextFiles.DefaultInput(Environment.CurrentDirectory));
        var corpus = Corpus.Read(await TextFiles.Find(from, stop));
        if (corpus.Chunks.Count < 8)
        {
            throw CliException.Usage($"{from} has {corpus.Words} words: too few to share among two machines.");
        }

        var chaos = !parsed.GetValue(noChaos);
        var view = new DemoView(Terminal);
        await using var pool = new DemoPool();
        var exit = ExitCodes.Ok;
        await view.During(async () =>
        {
            view.Phase($"Starting a hub of its own at {HubAddress.Key(pool.Hub)} ...");
            await pool.StartSilo(stop);
            view.Phase("Three accounts: ada and bob lend a machine each, sam has work ...");
            await pool.MakeAccounts(stop);
            await pool.WaitForWorkers(stop);
        });
        var work = new DemoWork(pool, view);
        await view.During(async () =>
        {
            view.Phase($"sam counts the words of {corpus.Files} files in {corpus.Chunks.Count} Python tasks (each lasts at least 1.2 s).");
            await work.Run(corpus, chaos, stop);
        });

        var shares = await Settle(pool, work, stop);
        var report = DemoReport.Of(corpus, work, shares, chaos, begun.Elapsed);
        exit = report.FellShort.Count == 0 ? ExitCodes.Ok : ExitCodes.TaskFailed;
        Terminal.Result(report.Text(), report);
        if (exit != ExitCodes.Ok)
        {
            ShowTails(pool);
        }

        if (parsed.GetValue(keep))
        {
            await StayUp(pool, stop);
        }

        return exit;
    }

    // A task is paid when the database has it, a moment after it has ended.
    private static async Task<IReadOnlyList<DemoShare>> Settle(DemoPool pool, DemoWork work, CancellationToken stop)
    {
        var tasks = work.Reduce is null ? work.Chunks : [.. work.Chunks, work.Reduce];
        var waited = Stopwatch.StartNew();
        while (true)
        {
            var earned = new List<double>();
            foreach (var lender in pool.Lenders)
            {
                earned.Add(await DemoPool.Balance(lender.Account.Client, stop) - lender.Account.StartCredits);
            }

            var spent = pool.Submitter!.StartCredits - await DemoPool.Balance(pool.Submitter.Client, stop);
            var owed = tasks.Sum(task => task.Status.CostCredits);
            if ((earned.TrueForAll(credits => credits > 0) && Same(spent, owed) && Same(earned.Sum(), owed)) || waited.Elapsed > SettlePatience)
            {
                return [.. pool.Lenders.Select((lender, index) => Share(lender, earned[index], work, tasks))];
            }

            await Task.Delay(200, stop);
        }
    }

    private static bool Same(double left, double right) => Math.Abs(left - right) < 1e-6;

    private static DemoShare Share(DemoLender lender, double earned, DemoWork work, List<DemoTask> tasks) => new(
        lender.Account.Name,
        lender.NodeId,
        tasks.Count(task => task.Status.State == Protos.TaskState.Completed && task.Status.AssignedNode == lender.NodeId),
        tasks.Sum(task => task.Status.Attempts.Count(attempt => attempt.NodeId == lender.NodeId)),
        Math.Round(earned, 6),
        work.Killed == lender);

    private void ShowTails(DemoPool pool)
    {
        foreach (var child in pool.Lenders.Select(lender => lender.Worker).Prepend(pool.Silo!))
        {
            Terminal.Message($"--- {child.Name}, last lines\n{child.Tail()}");
        }
    }

    private async Task StayUp(DemoPool pool, CancellationToken stop)
    {
        var sessions = new SessionFile(UserFolders.Config);
        sessions.Write(pool.Hub, pool.Submitter!.Session);
        Terminal.Message("The pool stays up until Ctrl-C; you are logged in to it as sam. In another terminal:");
        Terminal.Message($"  {Launch.Next(pool.Hub, "nodes")}");
        Terminal.Message($"  {Launch.Next(pool.Hub, "submit -c 'print(6*7)' --wait")}");
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        }
        catch (OperationCanceledException)
        {
            Terminal.Message("Stopping; what the demo made is removed.");
        }
        finally
        {
            sessions.Remove(pool.Hub);
        }
    }
}
