using Google.Protobuf;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

public sealed class LabelPool() : SharedPool("Tasks:AllowNoop=true")
{
    private readonly List<WorkerProcess> _workers = [];

    public Login Lender { get; private set; } = null!;
    public Login Sender { get; private set; } = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        (Lender, Sender) = (await Pool.NewUser("lender"), await Pool.NewUser("sender"));
        await Lend("zone-a", "--label", "zone=a", "--label", "tier=fast", "--disk", "500M");
        await Lend("zone-b", "--label", "zone=b", "--disk", "2000M");
    }

    public override ValueTask DisposeAsync()
    {
        foreach (var worker in _workers) worker.Dispose();
        return base.DisposeAsync();
    }

    /// <summary>A machine with these options, connected.</summary>
    public async Task Lend(string nodeId, params string[] options)
    {
        _workers.Add(await Pool.StartWorker(Lender, nodeId, ["--allow-noop", "--unsandboxed", "--gpus", "0", "--cores", "2", .. options]));
        await Wait.Until(async () => (await Node(nodeId)).Connected, TimeSpan.FromSeconds(60), () => $"{nodeId} is not connected:\n{_workers[^1].Output}");
    }

    public async Task<NodeInfo> Node(string nodeId) => (await Pool.Nodes.GetNodeInfoAsync(new() { NodeId = nodeId }, Sender.Metadata)).Node;

    public async Task<string> Submit(TaskRequirements requirements) => (await Pool.Master.SubmitTaskAsync(
        new() { TaskType = "noop", TaskData = ByteString.CopyFromUtf8("1"), Requirements = requirements }, Sender.Metadata)).TaskId;
}

/// <summary>Tasks that ask something of the machine, from their submit to the machine they run on.</summary>
public sealed class LabelTests(LabelPool shared) : IClassFixture<LabelPool>
{
    [Theory]
    [InlineData("zone = a", "zone-a")]
    [InlineData("zone = b", "zone-b")]
    [InlineData("zone in (b, c)", "zone-b")]
    [InlineData("zone, tier != fast", "zone-b")]
    [InlineData("tier", "zone-a")]
    [InlineData("node.id = zone-a and node.owner = lender and machine.cpu_cores >= 2", "zone-a")]
    public async Task Submit_Labels_RunsWhereTheyHold(string labels, string node)
    {
        var tasks = new List<string>();
        for (var i = 0; i < 3; i++) tasks.Add(await shared.Submit(new() { Labels = labels, CpuCores = 0.1 }));
        foreach (var task in tasks)
        {
            var ended = await shared.Pool.WaitForEnd(task, shared.Sender);
            Assert.Equal((TaskState.Completed, node), (ended.State, ended.AssignedNode));
        }
    }

    [Fact]
    public async Task Submit_Disk_RunsWhereThereIsRoom()
    {
        var task = await shared.Submit(new() { DiskMb = 1000 });
        Assert.Equal("zone-b", (await shared.Pool.WaitForEnd(task, shared.Sender)).AssignedNode);
    }

    [Fact]
    public async Task Submit_LabelsThatNoMachineHas_WaitsUntilOneComesThatHasThem()
    {
        var task = await shared.Submit(new() { Labels = "later" });
        var waiting = await shared.Pool.WaitFor(task, shared.Sender, status => status.Reason.StartsWith("INFEASIBLE", StringComparison.Ordinal));
        Assert.Equal("later", waiting.Requirements.Labels);
        await shared.Lend("latecomer", "--label", "later=yes", "--disk", "500M");
        Assert.Equal("latecomer", (await shared.Pool.WaitForEnd(task, shared.Sender)).AssignedNode);
    }

    [Fact]
    public async Task Submit_ProgramWhoseFilesOutgrowItsDisk_FailsAndSaysSo()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        const string Program = "for i in range(4): open(str(i), 'wb').write(bytes(1 << 20))\nimport time; time.sleep(600)";
        var task = (await shared.Pool.Master.SubmitTaskAsync(
            new() { TaskType = "python", TaskData = ByteString.CopyFromUtf8(Program), Requirements = new() { DiskMb = 2 } }, shared.Sender.Metadata)).TaskId;
        var ended = await shared.Pool.WaitForEnd(task, shared.Sender);
        Assert.Equal(
            (TaskState.Failed, "OUT_OF_DISK", "Stopped above its 2 MB of disk."), (ended.State, ended.Reason, ended.ErrorMessage));
        Assert.Equal("The program's files grew larger than it asked for (disk_mb), or than the machine lends.", ended.ReasonText);
        Assert.Equal(2, ended.Requirements.DiskMb);
    }

    [Fact]
    public async Task GetNodeInfo_OfAMachineWithLabels_ShowsThemAndItsDisk()
    {
        var node = await shared.Node("zone-a");
        Assert.Equal(500, node.Capabilities.DiskMb);
        Assert.Equal(["tier=fast", "zone=a"], node.Capabilities.Labels.Select(label => $"{label.Key}={label.Value}").Order());
    }
}
