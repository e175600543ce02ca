using System.Globalization;
using Google.Protobuf;
using HiveMind.Protos;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Hostile;

/// <summary>A hub for tests of what programs and deaths do to workers, with one account that lends and one that sends.</summary>
public sealed class HostilePool : IAsyncLifetime
{
    // What is done here to a machine would put it aside, and the credits of one account would not last. What a busy machine is late with is not what is looked for.
    internal PoolProcess Pool { get; } = new("Nodes:HeartbeatInterval=00:00:01", "Nodes:HeartbeatTimeout=00:00:20", "Tasks:LeaseDuration=00:00:30", "Nodes:CordonAfterFailures=0", "Rewards:RequireBalance=false", "RateLimit:Burst=1000000", "RateLimit:RequestsPerSecond=100000");
    internal Login Lender { get; private set; } = null!;
    internal Login Sender { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await Pool.Start();
        Lender = await Pool.NewUser("lender");
        Sender = await Pool.NewUser("sender");
    }

    public ValueTask DisposeAsync()
    {
        Pool.Dispose();
        return ValueTask.CompletedTask;
    }

    internal async Task<string> Submit(SubmitTaskRequest request, string program)
    {
        request.TaskType = "python";
        request.TaskData = ByteString.CopyFromUtf8(program);
        return (await Pool.Master.SubmitTaskAsync(request, Sender.Metadata)).TaskId;
    }

    internal Task<GetTaskStatusResponse> Ended(string task, int seconds = 90) => Pool.WaitForEnd(task, Sender, seconds);

    internal async Task<string> Printed(string task) => (await Pool.Master.GetTaskResultAsync(new() { TaskId = task }, Sender.Metadata)).Result.ToStringUtf8();

    /// <summary>Nothing is counted as running there, and all of it may be given away again.</summary>
    internal async Task HasAllItsRoom(LentMachine machine)
    {
        NodeInfo? node = null;
        await Wait.Until(async () =>
        {
            node = (await Pool.Nodes.GetNodeInfoAsync(new() { NodeId = machine.NodeId }, Lender.Metadata)).Node;
            return node.TaskCount == 0 && Math.Abs(node.FreeCpuCores - node.Capabilities.CpuCores) < 1e-9 && node.FreeMemoryMb == node.Capabilities.MemoryMb;
        }, TimeSpan.FromSeconds(20), () => $"{machine.NodeId} has {node?.TaskCount} tasks, {node?.FreeCpuCores} free cores, {node?.FreeMemoryMb} MB free\n{machine.Output}");
    }

    /// <summary>A number by which a test is repeated more often, or longer, by hand.</summary>
    internal static int ByHand(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    /// <summary>HIVEMIND_ROWS names those that are wanted by hand, with commas between.</summary>
    internal static void OnlyRows(string row) => Assert.SkipWhen(
        Environment.GetEnvironmentVariable("HIVEMIND_ROWS") is { Length: > 0 } rows && !rows.Split(',').Any(one => row.Contains(one, StringComparison.Ordinal)), "Not asked for.");

    internal static void Say(string line)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(line);
        if (Environment.GetEnvironmentVariable("HIVEMIND_TELL") is { Length: > 0 } file) File.AppendAllText(file, line + "\n");
    }
}
