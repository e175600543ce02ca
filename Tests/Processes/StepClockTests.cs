using Google.Protobuf;
using Grpc.Core;
using HiveMind.Tests.StateStores;

namespace HiveMind.Tests.Processes;

/// <summary>
/// Real silos whose wall clock is set forward and back by an hour while tasks run and new ones come (libfaketime moves CLOCK_REALTIME of that
/// process only).
/// </summary>
public sealed class StepClockTests : IDisposable
{
    internal static readonly string? Library = Directory.Exists("/usr/lib")
        ? Directory.EnumerateFiles("/usr/lib", "libfaketimeMT.so.1", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 3 }).FirstOrDefault() : null;

    private readonly string _clock = Path.GetTempFileName();

    public void Dispose() => File.Delete(_clock);

    [Fact]
    public async Task OneSilo_ClockStepsByAnHour_ServesAndEndsNothingEarly()
    {
        Assert.SkipUnless(Library is not null, "faketime is not installed");
        Set("+0");
        using var pool = await new PoolProcess("Tasks:AllowNoop=true") { Environment = Faked() }.Start();
        var user = await pool.NewUser("ada");
        using var worker = await pool.StartWorker(user, "node", "--allow-noop", "--unsandboxed");
        var running = await Submit(pool, user, "30000", "running");
        await pool.WaitFor(running, user, status => status.Status == "running");

        foreach (var step in new[] { "+3600", "+0", "-3600", "+0" })
        {
            Set(step);
            for (var i = 0; i < 10; i++)
            {
                var id = await Submit(pool, user, "1", $"{step} {i}"); // any failure but a passing UNAVAILABLE fails the test
                Assert.Equal("completed", (await pool.WaitForEnd(id, user)).Status);
            }

            var status = await pool.Status(running, user);
            Assert.True(status.Status == "running", $"after {step}: {status.State} {status.Reason}");
        }

        var ended = await pool.WaitForEnd(running, user);
        Assert.Equal("completed", ended.Status);
        Assert.Single(ended.Attempts);
        Assert.DoesNotContain("Internal error", pool.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TwoSilos_ClockOfOneStepsByAnHour_BothServe()
    {
        Assert.SkipUnless(Library is not null, "faketime is not installed");
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        var shared = Directory.CreateTempSubdirectory("hivemind-clocks-").FullName;
        string[] settings =
        [
            $"Redis:ConnectionString={redis.ConnectionString}", $"Books:ConnectionString=Data Source={Path.Combine(shared, "books.db")}",
            $"Files:Directory={Path.Combine(shared, "files")}", "Tasks:AllowNoop=true",
        ];
        try
        {
            Set("+0");
            using var one = await new PoolProcess(settings).Start();
            using var two = await new PoolProcess(settings) { Environment = Faked() }.Start();
            var user = await one.NewUser("ada");
            using var worker = await one.StartWorker(user, "node", "--allow-noop", "--unsandboxed");
            foreach (var step in new[] { "+3600", "+0", "-3600" })
            {
                Set(step);
                for (var i = 0; i < 10; i++)
                {
                    var id = await Submit(i % 2 == 0 ? one : two, user, "1", $"{step} {i}");
                    Assert.Equal("completed", (await one.WaitForEnd(id, user, 30)).Status);
                }
            }

            Assert.DoesNotContain("Internal error", one.Output + two.Output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(shared, recursive: true);
        }
    }

    private static async Task<string> Submit(PoolProcess pool, Login user, string milliseconds, string requestId) =>
        (await pool.Master.SubmitTaskAsync(new() { TaskType = "noop", TaskData = ByteString.CopyFromUtf8(milliseconds), RequestId = requestId }, user.Metadata)).TaskId;

    private void Set(string offset) => File.WriteAllText(_clock, offset);

    private Dictionary<string, string> Faked() => new()
    {
        ["LD_PRELOAD"] = Library!, ["FAKETIME_TIMESTAMP_FILE"] = _clock, ["FAKETIME_NO_CACHE"] = "1", ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1", ["DONT_FAKE_MONOTONIC"] = "1",
    };
}
