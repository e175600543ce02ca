using HiveMind.Cli;
using HiveMind.Protos;
using HiveMind.Tasks;

namespace HiveMind.Tests.Processes;

/// <summary>A program that had to be begun again while its output was looked at: two runs are never shown as one.</summary>
public sealed class BegunAgainTests : IDisposable
{
    /// <summary>Prints who it is with every line. The first attempt goes on until it is stopped.</summary>
    private const string Program = """
        import os, time, uuid
        run, attempt = uuid.uuid4().hex[:8], os.environ["HIVEMIND_ATTEMPT"]
        print("run", run, "attempt", attempt, flush=True)
        for i in range(100000 if attempt == "1" else 3):
            print("step", i, "of run", run, flush=True)
            time.sleep(0.05)
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("hivemind-again-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task HubKilledForLongerThanTheLease_FileHoldsTheSecondRunAlone_WatchAndStatusSayWhy()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        using var pool = await new PoolProcess().Start();
        var ann = await pool.NewUser("ann");
        var work = Path.Combine(_folder, "work");
        using var worker = await pool.StartWorker(ann, "one", "--unsandboxed", "--work-directory", work);
        new SessionFile(Path.Combine(_folder, "hivemind")).Write(new Uri(pool.Address), ann.Session());
        var environment = new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = _folder, ["HIVEMIND_HUB"] = pool.Address };
        var output = Path.Combine(_folder, "output");

        using var submit = HivemindProcess.StartInto(output, environment, "submit", "-c", Program, "--wait");
        await Wait.Until(() => File.Exists(output) && File.ReadAllText(output).Contains("step 3 of", StringComparison.Ordinal), TimeSpan.FromSeconds(60), () => submit.Output + worker.Output);
        var task = Assert.Single((await pool.Master.ListTasksAsync(new(), ann.Metadata)).Tasks).TaskId;
        using var watch = HivemindProcess.Start(environment, "watch", task);
        await Wait.Until(() => watch.Output.Contains("step 3 of", StringComparison.Ordinal), TimeSpan.FromSeconds(30), () => watch.Output);

        await pool.Kill();
        // The worker's lease runs out, and it ends its program.
        await Wait.Until(() => !Directory.EnumerateDirectories(work, "task", SearchOption.AllDirectories).Any(), TimeSpan.FromSeconds(30), () => worker.Output);
        await pool.Start();

        Assert.True(await submit.Exited(TimeSpan.FromSeconds(60)) == 0, $"{submit.Output}\n{worker.Output}\n{pool.Output}");
        Assert.Equal(0, await watch.Exited(TimeSpan.FromSeconds(30)));
        var result = (await pool.Master.GetTaskResultAsync(new() { TaskId = task }, ann.Metadata)).Result.ToStringUtf8();
        Assert.StartsWith("run ", result, StringComparison.Ordinal);
        Assert.Contains("attempt 2\n", result, StringComparison.Ordinal);
        Assert.Equal(result, await File.ReadAllTextAsync(output, TestContext.Current.CancellationToken));
        Assert.Contains("the file begins anew", submit.Output, StringComparison.Ordinal);

        // A pipe has what was printed: all of the second run follows, and nothing of the first behind that.
        var shown = watch.Output.Split('\n').Where(line => line.StartsWith("run ", StringComparison.Ordinal) || line.StartsWith("step ", StringComparison.Ordinal)).ToList();
        Assert.Equal(result.TrimEnd().Split('\n'), shown.Skip(shown.FindLastIndex(line => line.StartsWith("run ", StringComparison.Ordinal))));
        // A machine that is slow to come back counts as lost: said is what the hub decided.
        var cause = (await pool.Status(task, ann)).Attempts[0].Cause;
        Assert.Contains(cause, new[] { Causes.HubAway, Causes.NodeLost });
        var why = $"{cause}: {CauseTexts.For(cause)}";
        foreach (var said in new[] { submit.Output, watch.Output })
        {
            Assert.True(said.Contains($"Attempt 1 on one ended: {why}", StringComparison.Ordinal), $"{why}\n{said}");
            Assert.Contains("something else than what was shown", said, StringComparison.Ordinal);
        }

        using var status = HivemindProcess.Start(environment, "status", task);
        Assert.Equal(0, await status.Exited(TimeSpan.FromSeconds(30)));
        Assert.Contains(why, string.Join(' ', status.Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Contains("Output and result are those of attempt 2 alone.", status.Output, StringComparison.Ordinal);
    }
}
