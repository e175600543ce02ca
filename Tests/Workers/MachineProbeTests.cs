using HiveMind.Workers;
using HiveMind.Workers.Machine;
using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

public sealed class MachineProbeTests
{
    private static readonly WorkerOptions Options = new() { Hub = new Uri("http://127.0.0.1:1"), NodeId = "n", NodeToken = "t" };
    private static readonly Confinement Sandbox = new() { Bubblewrap = "/usr/bin/bwrap", Setpriv = "/usr/bin/setpriv", Setsid = "/usr/bin/setsid" };

    [Fact]
    public void Capabilities_Sandboxed_AcceptsStrangers()
    {
        var told = MachineProbe.Capabilities(Facts(Sandbox), Options with { AcceptStrangers = true });
        Assert.True(told.Sandboxed);
        Assert.True(told.AcceptsStrangers);
        Assert.Equal(["python"], told.SupportedTasks);
    }

    [Fact]
    public void Capabilities_NotSandboxed_OnlyTheOwnersUnlessTold()
    {
        var bare = Facts(Sandbox with { Bubblewrap = null });
        Assert.False(MachineProbe.Capabilities(bare, Options).AcceptsStrangers);
        var told = MachineProbe.Capabilities(bare, Options with { Unsandboxed = true });
        Assert.True(told.AcceptsStrangers);
        Assert.False(told.Sandboxed);
    }

    [Fact]
    public void Capabilities_NoPython_IsNotOffered() =>
        Assert.Equal(["noop"], MachineProbe.Capabilities(Facts(Sandbox) with { Python = null }, Options with { AllowNoop = true }).SupportedTasks);

    [Fact]
    public void Capabilities_ProgramsWouldOutliveTheWorker_PythonIsNotOffered() =>
        Assert.Empty(MachineProbe.Capabilities(Facts(new Confinement { Setsid = "/usr/bin/setsid" }), Options).SupportedTasks);

    [Fact]
    public async Task Measure_WithCaps_NeverOffersMore()
    {
        var folder = Directory.CreateTempSubdirectory("hivemind-test-").FullName;
        var told = await MachineProbe.Ask(Options with { WorkDirectory = folder, MaxCores = 0.5, MaxMemoryMb = 64, MaxGpus = 0, MaxDiskMb = 1 }, CancellationToken.None);
        Assert.Equal((0.5, 64, 0, 1), (told.CpuCores, told.MemoryMb, told.GpuCount, told.DiskMb));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
        Directory.Delete(folder);
    }

    [Theory]
    [InlineData(200_000, 0, 189_760)]
    [InlineData(1000, 0, 900)]
    [InlineData(1000, 500, 500)]
    [InlineData(1000, 5000, 900)]
    [InlineData(0, 0, 1)]
    public void Lent_OfAFreeDisk_LeavesTheMachineSomeAndIsNeverNothing(long free, long most, long lent) => Assert.Equal(lent, DiskProbe.Lent(free, most));

    [Fact]
    public void FreeMb_OfAFolderThatIsNotThereYet_IsThatOfItsFileSystem() =>
        Assert.True(DiskProbe.FreeMb(Path.Combine(Path.GetTempPath(), "not", "there")) > 0);

    [Fact]
    public void Capabilities_DiskGpusAndLabels_AreTold()
    {
        var facts = Facts(Sandbox) with { Gpus = [new("GPU-1", "NVIDIA H200", 143_771), new("GPU-2", "NVIDIA H200", 140_000)] };
        var told = MachineProbe.Capabilities(facts, Options with { Labels = new Dictionary<string, string> { ["zone"] = "a" } });
        Assert.Equal((2048, true, 2, "NVIDIA H200", 140_000), (told.DiskMb, told.HasGpu, told.GpuCount, told.GpuModel, told.GpuMemoryMb));
        Assert.Equal(("zone", "a"), told.Labels.Select(l => (l.Key, l.Value)).Single());
        told = MachineProbe.Capabilities(facts with { Gpus = [.. facts.Gpus, new("GPU-3", "NVIDIA T4", 0)] }, Options);
        Assert.Equal((3, "mixed", 0), (told.GpuCount, told.GpuModel, told.GpuMemoryMb)); // nobody who wants a model gets another
    }

    [Theory]
    [InlineData("ftp://x", "n", "t")]
    [InlineData("http://x", "", "t")]
    [InlineData("http://x", "n", "")]
    public void Validate_Wrong_OneLine(string hub, string node, string token) =>
        Assert.NotNull(new WorkerOptions { Hub = new Uri(hub), NodeId = node, NodeToken = token }.Validate());

    private static MachineFacts Facts(Confinement confinement) => new()
    {
        Cores = 2, MemoryMb = 1024, DiskMb = 2048, Python = new PythonFound("/usr/bin/python3", "3.11.2"), Confinement = confinement,
    };
}
