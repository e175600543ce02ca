using System.Diagnostics;
using HiveMind.Protos;
using HiveMind.Tests.Processes;
using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Hostile;

/// <summary>
/// kill -9 of the worker, of a process of the run, and of the hub, in every phase of an attempt: the task ends once, and after the next start nothing
/// is left of it. HIVEMIND_KILLS=50 does it so often for each row, HIVEMIND_ROWS=Hub for those only that name it, HIVEMIND_SEED=N as it was done before.
/// </summary>
public sealed class DeathTests(HostilePool hub) : IClassFixture<HostilePool>
{
    private const string Program = """
        import os, sys, time
        open('up', 'w').close()
        while not os.path.exists('go'): time.sleep(0.005)
        for i in range(int(sys.argv[1])):
            os.makedirs('d%d/e' % (i % 50), exist_ok=True)
            open('d%d/e/f%d' % (i % 50, i), 'w').close()
        print('x' * int(sys.argv[2]))
        print(os.environ['HIVEMIND_ATTEMPT'], end='')
        """;

    private enum Phase { Submitted, Fetching, Starting, Running, Ending, Sending, Unanswered }

    public enum Victim { Worker, Program, Hub }

    [Theory]
    [InlineData(Victim.Worker, Lending.Sandbox, 2)]
    [InlineData(Victim.Worker, Lending.Bare, 1)]
    [InlineData(Victim.Program, Lending.Sandbox, 2)]
    [InlineData(Victim.Program, Lending.Bare, 1)]
    [InlineData(Victim.Hub, Lending.Sandbox, 1)]
    public async Task Killed_InAnyPhase_TheTaskEndsOnceAndNothingIsLeft(Victim victim, Lending lending, int rounds)
    {
        HostilePool.OnlyRows($"{victim} {lending}");
        rounds = HostilePool.ByHand("HIVEMIND_KILLS", rounds);
        var seed = HostilePool.ByHand("HIVEMIND_SEED", Environment.TickCount & 0xFFFF);
        HostilePool.Say($"{victim} {lending}: HIVEMIND_KILLS={rounds} HIVEMIND_SEED={seed}");
        var chance = new Random(seed);
        // As whoever may do least: an ordinary user has no control groups to help.
        int? user = lending == Lending.Bare && Environment.IsPrivilegedProcess ? LentMachine.Nobody : null;
        using var machine = await (await LentMachine.Register(hub.Pool, hub.Lender, $"{victim}-{lending}".ToLowerInvariant(), lending, user)).Start();
        var phases = victim == Victim.Program ? [Phase.Starting, Phase.Running, Phase.Ending] : Enum.GetValues<Phase>();
        var first = chance.Next(phases.Length);
        var ended = new List<GetTaskStatusResponse>();
        var clock = Stopwatch.StartNew();
        for (var round = 0; round < rounds; round++)
        {
            var phase = phases[(first + round) % phases.Length];
            var what = $"{victim} {lending}, {phase}, round {round} of HIVEMIND_SEED={seed}";
            ended.Add(await Round(machine, victim, phase, chance, what));
            await machine.NothingIsLeft(alive: true);
        }
        await hub.HasAllItsRoom(machine);
        await KillTests.AssertPostings(hub.Pool, ended, hub.Lender.UserId, hub.Sender, only: true);
        await machine.Stop();
        await machine.NothingIsLeft(alive: false);
        HostilePool.Say($"{rounds} kills in {clock.Elapsed.TotalSeconds:0} s: {string.Join(", ", ended.GroupBy(one => $"{one.Status} after {string.Join('+', one.Attempts.Select(attempt => attempt.Cause))}").Select(group => $"{group.Count()} {group.Key}"))}");
    }

    private async Task<GetTaskStatusResponse> Round(LentMachine machine, Victim victim, Phase phase, Random chance, string what)
    {
        var program = phase == Phase.Fetching ? Program + "\n#" + new string('x', 8 << 20) : Program;
        var task = await hub.Submit(new()
        {
            Arguments = { phase == Phase.Ending ? "3000" : "3", phase == Phase.Sending ? "3500000" : "10" },
            Requirements = new() { CpuCores = 1, MemoryMb = 128, TimeoutSeconds = 60, Labels = $"machine = {machine.NodeId}" },
        }, program);
        await Reach(machine, phase);
        await Task.Delay(chance.Next(phase is Phase.Submitted ? 150 : 25), TestContext.Current.CancellationToken);
        switch (victim)
        {
            case Victim.Worker:
                await machine.Kill();
                // Not only at the next start: a program ends with its worker.
                if (phase == Phase.Running) await Wait.Until(() => machine.Programs().Count == 0, TimeSpan.FromSeconds(10), () => $"{what}: its program outlives it");
                Continue(phase);
                await machine.Start();
                break;
            case Victim.Hub:
                await hub.Pool.Kill();
                await hub.Pool.Start();
                break;
            case Victim.Program:
                // Any of the run's: the guard, bubblewrap, the launcher, the program.
                if (machine.Programs() is { Count: > 0 } all) ProcessTree.Kill(all[chance.Next(all.Count)]);
                break;
        }
        var status = await hub.Pool.WaitFor(task, hub.Sender, one =>
        {
            foreach (var run in machine.Runs()) Go(run);
            return one.Status is "completed" or "failed";
        }, 90);
        var causes = status.Attempts.Select(attempt => attempt.Cause).ToList();
        Assert.True(status.Status == "completed" || victim == Victim.Program, $"{what}: {status.Status} {status.Reason} {status.ErrorMessage} {string.Join(' ', causes)}\n{machine.Output}");
        Assert.True(causes.Count(cause => cause == "COMPLETED") == (status.Status == "completed" ? 1 : 0), $"{what}: {string.Join(' ', causes)}");
        Assert.All(causes, cause => Assert.Contains(cause, new[] { "COMPLETED", "NODE_LOST", "HUB_AWAY", "WORKER_FAULT", "PROGRAM_FAILED" }));
        if (status.Status == "completed") Assert.EndsWith($"x\n{status.Attempt}", await hub.Printed(task), StringComparison.Ordinal);
        return status;
    }

    /// <summary>Comes back when the run is so far, or has just left that behind.</summary>
    private async Task Reach(LentMachine machine, Phase phase)
    {
        if (phase == Phase.Submitted) return;
        string? run = null;
        await Until(() => (run ??= machine.Runs().FirstOrDefault(one => Path.Exists(Path.Combine(one, "task", "main.py")))) is not null);
        if (phase == Phase.Fetching) return;
        await Until(() => File.Exists(Path.Combine(run!, "status")));
        if (phase == Phase.Starting) return;
        await Until(() => File.Exists(Path.Combine(run!, "task", "up")));
        if (phase == Phase.Running) return;
        if (phase == Phase.Unanswered) Signal("-STOP");
        Go(run!);
        await Until(() => !Directory.Exists(run!) || Text(Path.Combine(run!, "status")).Contains("ended", StringComparison.Ordinal));
        if (phase is Phase.Sending or Phase.Unanswered) await Until(() => !Directory.Exists(Path.Combine(run!, "task")));
    }

    private static async Task Until(Func<bool> holds)
    {
        var clock = Stopwatch.StartNew();
        while (!holds())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "the run never came so far");
            await Task.Delay(1);
        }
    }

    private static void Go(string run)
    {
        try
        {
            if (File.Exists(Path.Combine(run, "task", "up"))) File.WriteAllText(Path.Combine(run, "task", "go"), "");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // Its folder is just going.
        }
    }

    private static string Text(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (IOException)
        {
            return "";
        }
    }

    private void Continue(Phase phase)
    {
        if (phase == Phase.Unanswered) Signal("-CONT");
    }

    private void Signal(string signal)
    {
        using var kill = Process.Start("kill", [signal, $"{hub.Pool.Process.Id}"]);
        kill.WaitForExit();
    }
}
