using System.Text;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Cli;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

/// <summary>A real task of a real worker, watched while it prints.</summary>
public sealed class WatchProcessTests
{
    // The worker's patience with an absent hub is longer than a restart takes here, so that its program prints on.
    private static readonly string[] Patient = ["Nodes:HeartbeatTimeout=00:00:20", "Tasks:LeaseDuration=00:00:25"];

    [Fact]
    public async Task Watch_HubKilledInTheMiddle_LinesComeWhileItRunsAndEveryByteOnce()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        using var pool = await new PoolProcess(Patient).Start();
        var user = await pool.NewUser("watcher");
        var work = Path.Combine(pool.DataDirectory, "work");
        using var worker = await pool.StartWorker(user, "n1", "--unsandboxed", "--work-directory", work);
        // It prints on only once the test has seen what came before, and put a file beside the program.
        var task = await Submit(pool, user, """
            import os, sys, time
            for i in range(300):
                print('line', i)
                print('note', i, file=sys.stderr)
                if i in (3, 200):
                    while not os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)), f'gate{i}')): time.sleep(0.02)
            """);

        using var hub = HubClient.WithToken(new Uri(pool.Address), user.Metadata.GetValue("authorization")!["Bearer ".Length..]);
        var (stdout, stderr) = (new Shown(), new Shown());
        using var sink = new PlainSink(new Terminal(TextWriter.Null, TextWriter.Null) { CanDraw = false }, stdout, stderr);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        var watching = new TaskFollow(hub, TimeProvider.System, sink).UntilEnded(task, withOutput: true, stop.Token);

        await Seen(stdout, "line 3\n", pool, worker);
        Assert.Equal(TaskState.Running, (await pool.Status(task, user)).State);
        await Open(work, "gate3");
        await pool.Kill();
        await pool.Start();
        await Seen(stdout, "line 200\n", pool, worker);
        await Open(work, "gate200");
        var ended = await watching;

        Assert.Equal((TaskState.Completed, 1), (ended.State, ended.Attempt));
        Assert.Equal(Lines("line"), stdout.Text);
        Assert.Equal(Lines("note"), stderr.Text);
        var result = await pool.Master.GetTaskResultAsync(new() { TaskId = task }, user.Metadata);
        Assert.Equal((Lines("line"), Lines("note")), (result.Result.ToStringUtf8(), result.Stderr.ToStringUtf8()));
    }

    [Fact]
    public async Task Watch_PrintsAboveItsLimitToAReaderThatStops_EndsTooLargeWithTheDiskBounded()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        using var pool = await new PoolProcess().Start();
        var user = await pool.NewUser("watcher");
        using var worker = await pool.StartWorker(user, "n1", "--unsandboxed");
        var task = await Submit(pool, user, "import time\nprint('x' * 700_000)\ntime.sleep(1)\nwhile True: print('y' * 1000)", maxOutputMb: 1);
        using var unread = pool.Master.WatchTask(new() { TaskId = task, WithOutput = true }, user.Metadata);
        Assert.True(await unread.ResponseStream.MoveNext(default)); // the first snapshot, and then it reads no more

        var ended = await pool.WaitForEnd(task, user);

        Assert.Equal((TaskState.Failed, "OUTPUT_TOO_LARGE", 1L << 20), (ended.State, ended.Reason, ended.ResultSize));
        var kept = new DirectoryInfo(Path.Combine(pool.DataDirectory, "files")).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        Assert.InRange(kept, 1L << 20, (1L << 20) + (64 << 10));
    }

    private static async Task<string> Submit(PoolProcess pool, Login user, string code, int maxOutputMb = 0) => (await pool.Master.SubmitTaskAsync(new()
    {
        TaskType = "python", TaskData = ByteString.CopyFromUtf8(code),
        Requirements = new() { CpuCores = 1, MemoryMb = 128, TimeoutSeconds = 120, MaxOutputMb = maxOutputMb },
    }, user.Metadata)).TaskId;

    private static string Lines(string word) => string.Concat(Enumerable.Range(0, 300).Select(i => $"{word} {i}\n"));

    private static Task Open(string work, string gate) =>
        File.WriteAllTextAsync(Path.Combine(Path.GetDirectoryName(Directory.EnumerateFiles(work, "main.py", SearchOption.AllDirectories).Single())!, gate), "");

    private static Task Seen(Shown shown, string text, PoolProcess pool, WorkerProcess worker) => Wait.Until(
        () => shown.Text.Contains(text, StringComparison.Ordinal), TimeSpan.FromSeconds(60),
        () => $"'{text.Trim()}' is not seen, only:\n{shown.Text}\n{pool.Output}\n{worker.Output}");

    /// <summary>Where output is shown, to be read meanwhile.</summary>
    private sealed class Shown : MemoryStream
    {
        private readonly Lock _lock = new();

        public string Text
        {
            get
            {
                lock (_lock) return Encoding.UTF8.GetString(ToArray());
            }
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            lock (_lock) Write(buffer.Span);
            return ValueTask.CompletedTask;
        }
    }
}
