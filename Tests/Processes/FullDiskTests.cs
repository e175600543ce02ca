using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;
using HiveMind.Storage;

namespace HiveMind.Tests.Processes;

/// <summary>The state store's disk fills and empties under load, and the silo dies in the middle of it or after: what a client was told is true afterwards.</summary>
public sealed partial class FullDiskTests
{
    private const int DiskMb = 64;

    /// <summary>How often the disk fills and the silo dies, on each kind of disk; HIVEMIND_FULL_DISKS says otherwise.</summary>
    private static int Rounds => int.TryParse(Environment.GetEnvironmentVariable("HIVEMIND_FULL_DISKS"), CultureInfo.InvariantCulture, out var rounds) ? rounds : 2;

    [Theory]
    [InlineData("tmpfs")]
    [InlineData("ext4")]
    public async Task DiskFillsAndEmpties_SiloDies_NothingAcknowledgedIsLost(string kind)
    {
        using var pool = new PoolProcess("Rewards:RequireBalance=false", "RateLimit:RequestsPerSecond=100000", "RateLimit:Burst=100000");
        using var disk = Mount(kind, pool);
        await pool.Start();
        var user = await pool.NewUser("somebody");
        var client = new Submitter(pool, user);
        for (var round = 0; round < Rounds; round++)
        {
            await client.For(TimeSpan.FromMilliseconds(400));
            disk.Fill();
            await client.For(TimeSpan.FromMilliseconds(1200));
            // In the full phase; after it; by SIGTERM after it; by SIGTERM in it.
            var (isFull, isClean) = (round % 4 is 0 or 3, round % 4 is 2 or 3);
            if (!isFull)
            {
                disk.Free();
                await client.For(TimeSpan.FromMilliseconds(800));
            }

            await End(pool, isClean);
            disk.Free();
            await pool.Start();
            await client.AssertNothingIsLost(round);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{kind}: {Rounds} full disks, {client.Acknowledged} submits and {client.Cancelled} cancels acknowledged, "
            + $"{client.Refused} refused, 0 lost");
        Assert.True(client.Refused > Rounds, $"only {client.Refused} calls were refused: the disk was not full");
        Assert.True(client.Acknowledged > 20 * Rounds, $"only {client.Acknowledged} submits were acknowledged");
    }

    [Fact]
    public async Task CommandLine_OnAFullDisk_SaysNoAndWhatItSaidIsDurable()
    {
        using var pool = new PoolProcess();
        using var disk = Mount("tmpfs", pool);
        await pool.Start();
        var user = await pool.NewUser("somebody");
        var waiting = await Submit(pool, user, "before");
        var home = Path.Combine(pool.DataDirectory, "home");
        Assert.Equal(0, (await Cli(pool, home, "login", user.Name, "--password-stdin")).ExitCode);
        disk.Fill();
        await Wait.Until(async () => !await Accepts(pool, user), TimeSpan.FromSeconds(30), () => "the disk is full and submits are accepted");

        var cancelled = (await Cli(pool, home, "cancel", waiting)).ExitCode;
        var (submitted, output) = await Cli(pool, home, "submit", "-c", "print(1)");
        Assert.True(submitted != 0, output);

        await pool.Kill();
        disk.Free();
        await pool.Start();
        var status = await pool.Status(waiting, user);
        Assert.Equal(cancelled == 0 ? TaskState.Cancelled : TaskState.Pending, status.State);
    }

    [Theory]
    [InlineData("floor", false)]
    [InlineData("floor", true)]
    [InlineData("", false)]
    [InlineData("files", false)]
    public async Task Start_OnAFullDisk_SaysSoAndEndsForARestart(string where, bool isUsed)
    {
        using var pool = new PoolProcess();
        using var disk = Mount("tmpfs", pool, where);
        if (isUsed)
        {
            await pool.Start();
            await pool.Kill();
        }

        disk.Fill();

        using var silo = HivemindProcess.Start(null, "silo", "--HiveMind:Grpc:Port=0", "--HiveMind:Http:Port=0", $"--HiveMind:DataDirectory={pool.DataDirectory}");
        var exitCode = await silo.Exited(TimeSpan.FromSeconds(60));

        Assert.True(exitCode == SiloHost.StoreAway, $"ended with {exitCode}:\n{silo.Output}");
        var line = silo.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^1];
        Assert.StartsWith("hivemind: ", line, StringComparison.Ordinal);
        Assert.Contains("full", line, StringComparison.Ordinal);
        disk.Free();
        await pool.Start(); // and with room it is as if nothing had been
    }

    /// <summary>What a killed silo left has a little room in itself: that may be enough for a start.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("books")]
    public async Task Start_OnAFullDiskWithRoomEnoughToStart_IsNotReadyAndGoesOnWithRoom(string where)
    {
        using var temp = new StateStores.TempStateStore();
        var directory = temp.Path;
        string[] settings = where == "books" ? [$"Books:ConnectionString=Data Source={Path.Combine(directory, "books", "books.db")}"] : [];
        using var pool = new PoolProcess([$"DataDirectory={directory}", .. settings]);
        using var disk = Mount("tmpfs", pool, where, 160);
        await pool.Start();
        await pool.Kill();
        disk.Fill();
        using var silo = HivemindProcess.Start(null, ["silo", "--HiveMind:Grpc:Port=0", "--HiveMind:Http:Port=0", $"--HiveMind:DataDirectory={directory}", .. settings.Select(one => $"--HiveMind:{one}")]);
        await Wait.Until(() => silo.Process.HasExited || Health().IsMatch(silo.Output), TimeSpan.FromSeconds(30), () => $"neither ended nor serving:\n{silo.Output}");
        if (silo.Process.HasExited)
        {
            Assert.True(await silo.Exited(TimeSpan.FromSeconds(5)) == SiloHost.StoreAway, silo.Output); // it was not enough
            return;
        }

        using var http = new HttpClient();
        var readyz = $"{Health().Match(silo.Output).Groups[1].Value}/readyz";
        using (var full = await http.GetAsync(readyz, TestContext.Current.CancellationToken)) Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, full.StatusCode);
        await Wait.Until(() => silo.Output.Contains("is nearly full (100 %)", StringComparison.Ordinal), TimeSpan.FromSeconds(10), () => silo.Output);

        disk.Free();

        await Wait.Until(async () =>
        {
            using var answer = await http.GetAsync(readyz);
            return answer.IsSuccessStatusCode;
        }, TimeSpan.FromSeconds(20), () => $"not ready with room:\n{silo.Output}");
    }

    [System.Text.RegularExpressions.GeneratedRegex(@"health +(http://\S+)/readyz[\s\S]*?Next:")]
    private static partial System.Text.RegularExpressions.Regex Health();

    [Fact]
    public async Task Log_CutUnderARunningSilo_EndsItAndTheStartSaysWhatIsMissing()
    {
        using var pool = await new PoolProcess().Start();
        var user = await pool.NewUser("somebody");
        for (var i = 0; i < 50; i++) await Submit(pool, user, $"{i}");
        using (var wal = new FileStream(Path.Combine(pool.DataDirectory, "floor", "floor.db-wal"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) wal.SetLength(0);

        for (var i = 0; i < 200 && !pool.Process.HasExited; i++)
        {
            try
            {
                await pool.Master.GetTaskStatusAsync(new() { TaskId = $"{i:x32}" }, user.Metadata, TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(5));
            }
            catch (RpcException)
            {
                // NOT_FOUND while it answers, UNAVAILABLE when it does not.
            }
        }

        Assert.Equal(FailStop.ExitCode, await pool.Exited(TimeSpan.FromSeconds(20)));
        Assert.Contains("This process ends now", pool.Output, StringComparison.Ordinal);
        using var again = HivemindProcess.Start(null, "silo", "--HiveMind:Grpc:Port=0", "--HiveMind:Http:Port=0", $"--HiveMind:DataDirectory={pool.DataDirectory}");
        Assert.Equal(SiloHost.BadConfiguration, await again.Exited(TimeSpan.FromSeconds(60)));
        Assert.Contains("has lost what was acknowledged", again.Output, StringComparison.Ordinal);
    }

    private static SmallDisk Mount(string kind, PoolProcess pool, string where = "floor", int megabytes = DiskMb)
    {
        var disk = SmallDisk.TryMount(kind, megabytes, Path.Combine(pool.DataDirectory, where), out var why);
        Assert.SkipWhen(disk is null, $"a {kind} cannot be mounted here ({why})");
        return disk!;
    }

    private static async Task End(PoolProcess pool, bool isClean)
    {
        if (!isClean)
        {
            await pool.Kill();
            return;
        }

        pool.Terminate();
        await pool.Exited(TimeSpan.FromSeconds(40));
    }

    private static async Task<string> Submit(PoolProcess pool, Login user, string requestId) => (await pool.Master.SubmitTaskAsync(
        new() { TaskType = "python", TaskData = ByteString.CopyFromUtf8("print(1)"), RequestId = requestId }, user.Metadata, TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(10))).TaskId;

    private static async Task<bool> Accepts(PoolProcess pool, Login user)
    {
        try
        {
            await Submit(pool, user, Guid.NewGuid().ToString("N"));
            return true;
        }
        catch (RpcException refused) when (refused.StatusCode is StatusCode.Unavailable)
        {
            return false;
        }
    }

    private static async Task<(int ExitCode, string Output)> Cli(PoolProcess pool, string home, params string[] words)
    {
        var environment = new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = home, ["HIVEMIND_HUB"] = pool.Address };
        using var cli = HivemindProcess.Start(environment, words);
        if (words.Contains("--password-stdin")) await cli.Process.StandardInput.WriteLineAsync("correct horse battery");
        return (await cli.Exited(TimeSpan.FromSeconds(90)), cli.Output);
    }

    /// <summary>Callers that submit and cancel, repeat what failed with the same request id, and remember what they were told.</summary>
    private sealed class Submitter(PoolProcess pool, Login user)
    {
        private const int Callers = 8;
        private readonly Lock gate = new();
        private readonly List<string> submitted = [], cancelled = [];
        private int next, checkedSubmits, checkedCancels;

        public int Acknowledged => submitted.Count;
        public int Cancelled => cancelled.Count;
        public int Refused { get; private set; }

        public Task For(TimeSpan time)
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            return Task.WhenAll(Enumerable.Range(0, Callers).Select(async caller =>
            {
                while (clock.Elapsed < time) await One(caller == 0);
            }));
        }

        public async Task AssertNothingIsLost(int round)
        {
            // What was found once cannot be unsaid by a later round without being found missing: only the new ones, and some of the old.
            foreach (var id in submitted.Skip(checkedSubmits).Concat(submitted.Where((_, i) => i % 10 == round % 10)))
                Assert.True(await Is(id, _ => true), $"round {round}: {id} was acknowledged and is gone\n{pool.Output}");
            foreach (var id in cancelled.Skip(checkedCancels))
                Assert.True(await Is(id, state => state == TaskState.Cancelled), $"round {round}: the cancel of {id} was acknowledged and is undone");
            (checkedSubmits, checkedCancels) = (submitted.Count, cancelled.Count);
        }

        private async Task<bool> Is(string id, Func<TaskState, bool> expected)
        {
            try
            {
                return expected((await pool.WaitFor(id, user, _ => true)).State);
            }
            catch (RpcException missing) when (missing.StatusCode == StatusCode.NotFound)
            {
                return false;
            }
        }

        private async Task One(bool cancels)
        {
            var request = $"r{Interlocked.Increment(ref next)}";
            string? id = null;
            for (var tries = 0; id is null && tries < 3; tries++) id = await Try(() => Submit(pool, user, request));
            if (id is null) return;
            lock (gate) submitted.Add(id);
            if (!cancels) return;
            for (var tries = 0; tries < 3; tries++)
            {
                var isCancelled = await Try(async () =>
                {
                    await pool.Master.CancelTaskAsync(new() { TaskId = id }, user.Metadata, TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(10));
                    return "yes";
                });
                if (isCancelled is null) continue;
                lock (gate) cancelled.Add(id);
                return;
            }
        }

        private async Task<string?> Try(Func<Task<string>> call)
        {
            try
            {
                return await call();
            }
            catch (RpcException refused) when (refused.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted)
            {
                lock (gate) Refused++;
                return null;
            }
        }
    }
}
