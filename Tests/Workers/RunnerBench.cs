using System.Text;
using HiveMind.Workers.Machine;
using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

/// <summary>How a program is kept apart in a test: each way in which a worker may have to run one.</summary>
public enum Isolation
{
    Sandbox,
    /// <summary>A process namespace only.</summary>
    Namespace,
    /// <summary>Not even that.</summary>
    Bare,
}

/// <summary>Runs real programs as a worker would on this machine, with its control groups or without.</summary>
internal sealed class RunnerBench : IDisposable
{
    private static readonly string Files = Directory.CreateTempSubdirectory("hivemind-test-files-").FullName;
    private static readonly Lazy<Task<MachineFacts>> Measured = new(() => MachineProbe.Measure(Fakes.Options(new Uri("http://127.0.0.1:1")), Files, default));
    private static readonly Lazy<Task<SandboxFiles>> WithoutGroups = new(() => Task.FromResult(SandboxFiles.Write(Files + "-sampled", countsAllMemory: false)));
    private static readonly Lazy<Task<Confinement>> Unisolated = new(async () =>
        await ConfinementProbe.Find((await Measured.Value).Python, true, (await Measured.Value).Confinement.Files, default));

    private int _runs;

    public string Root { get; } = Directory.CreateTempSubdirectory("hivemind-test-").FullName;

    public void Dispose() => RunPlace.Remove(Root);

    public static Task<MachineFacts> Machine => Measured.Value;

    public static async Task<(PythonFound Python, Confinement Confinement)> Need(Isolation isolation, bool groups = true)
    {
        var facts = await Measured.Value;
        Assert.SkipWhen(facts.Python is null, "python3 is not installed.");
        var confinement = isolation == Isolation.Sandbox ? facts.Confinement : await Unisolated.Value;
        Assert.SkipUnless(confinement.DiesWithWorker, "setpriv and setsid (util-linux) are not installed.");
        Assert.SkipUnless(isolation != Isolation.Sandbox || confinement.Isolates, confinement.Note ?? "");
        if (!groups) confinement = confinement with { Files = await WithoutGroups.Value };
        return (facts.Python!, isolation == Isolation.Bare ? confinement with { Unshare = [] } : confinement);
    }

    /// <summary>Whether this machine gives control groups: a test that wants them is about the sampler where it does not.</summary>
    public static async Task<bool> HasGroups()
    {
        var facts = await Measured.Value;
        Assert.Equal(facts.Groups is null, facts.GroupsNote.Length > 0); // it says why
        return facts.Groups is not null;
    }

    public RunPlace NewPlace() => RunPlace.Create(Path.Combine(Root, $"run-{Interlocked.Increment(ref _runs)}"));

    public async Task<(RunResult Result, RunPlace Place)> Run(
        Isolation isolation, string code, Func<RunRequest, RunRequest>? with = null, bool groups = true, CancellationToken kill = default, Action? began = null)
    {
        var (python, confinement) = await Need(isolation, groups);
        var facts = await Measured.Value;
        var place = NewPlace();
        await File.WriteAllTextAsync(place.Program, code, Encoding.UTF8, CancellationToken.None);
        var request = new RunRequest { TaskId = "task", Attempt = 3, Place = place, Timeout = TimeSpan.FromSeconds(30) };
        var starts = 0;
        var result = await new PythonRunner(python, confinement, groups ? facts.Groups : null, new CpuSlots(facts.Processors), TimeProvider.System)
            .Run(with is null ? request : with(request), () => { starts++; began?.Invoke(); }, kill);
        Assert.Equal(1, starts);
        return (result, place);
    }
}
