using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>
/// Open tasks in a real Redis, put there as users put them, by SubmitTasks; then the silo is killed -9 and started again: how soon it
/// answers, how soon its queue is whole again, what the sweep at its start costs those who submit meanwhile, and the memory of it all.
/// </summary>
internal sealed class RebuildFigures(string redis, int tasks) : BenchHub
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5), CalmAfterwards = TimeSpan.FromSeconds(20);

    public static async Task<int> Run(string? redis, int tasks)
    {
        using var rebuild = new RebuildFigures(redis ?? BenchRedis.Own, tasks);
        await rebuild.Measure();
        return 0;
    }

    private async Task Measure()
    {
        var store = await Store(redis);
        var (silo, address) = await StartSilo(store);
        using (var channel = GrpcChannel.ForAddress(address))
        {
            var (_, me) = await NewUser(channel, "rebuild");
            var hub = new MasterNodeService.MasterNodeServiceClient(channel);
            var filling = Stopwatch.GetTimestamp();
            var refused = await BulkStream.Submit(hub, me, tasks, i => Task($"{i}"));
            Say($"{tasks} tasks submitted in {Seconds(filling)} s, {refused} refused; silo {ProcessMemory.ResidentKb(silo) >> 10} MB, redis {OwnRedis?.ResidentMb} MB");
        }

        silo.Kill();
        await silo.WaitForExitAsync();
        var began = Stopwatch.GetTimestamp();
        (silo, address) = await StartSilo(store);
        Say($"killed; ready {Seconds(began)} s after the restart");
        using var again = GrpcChannel.ForAddress(address);
        var users = new UserService.UserServiceClient(again);
        var login = await users.LoginUserAsync(new() { Username = "rebuild", Password = Password });
        await MeasureRebuild(new MasterNodeService.MasterNodeServiceClient(again), new() { { "authorization", $"Bearer {login.SessionToken}" } }, silo, began);
    }

    /// <summary>Submits all the time, one after the other, until the queue is whole and for a while longer.</summary>
    private async Task MeasureRebuild(MasterNodeService.MasterNodeServiceClient hub, Metadata me, Process silo, long began)
    {
        var (count, slowest, wholeAt, lastAsked) = (0, TimeSpan.Zero, 0L, 0L);
        while (wholeAt == 0 || Stopwatch.GetElapsedTime(wholeAt) < CalmAfterwards)
        {
            if (Stopwatch.GetElapsedTime(began) > Patience) throw new TimeoutException($"the queue is not whole after {Patience.TotalMinutes} minutes");
            var asked = Stopwatch.GetTimestamp();
            await hub.SubmitTaskAsync(Task($"after-{count}"), me);
            var took = Stopwatch.GetElapsedTime(asked);
            if (count++ == 0) Say($"first new task answered {Seconds(began)} s after the restart");
            if (took > slowest) slowest = took;
            if (wholeAt > 0 || Stopwatch.GetElapsedTime(lastAsked) < TimeSpan.FromMilliseconds(100)) continue;
            lastAsked = Stopwatch.GetTimestamp();
            if ((await hub.GetSystemStatsAsync(new(), me)).PendingTasks < tasks) continue;
            wholeAt = Stopwatch.GetTimestamp();
            Say($"queue whole {Seconds(began)} s after the restart; silo {ProcessMemory.ResidentKb(silo) >> 10} MB");
        }

        silo.Refresh();
        Say($"{CalmAfterwards.TotalSeconds:F0} s later: {count} submitted meanwhile, the slowest in {slowest.TotalMilliseconds:F0} ms");
        Say($"silo {ProcessMemory.ResidentKb(silo) >> 10} MB, peak {ProcessMemory.PeakKb(silo) >> 10} MB, {silo.TotalProcessorTime.TotalSeconds:F0} s of processor time");
    }

    private static SubmitTaskRequest Task(string requestId) => new()
    {
        TaskType = "noop", TaskData = ByteString.CopyFromUtf8("0"), RequestId = requestId, Requirements = new() { CpuCores = 0.02, MemoryMb = 16 },
    };

    private static string Seconds(long since) => Stopwatch.GetElapsedTime(since).TotalSeconds.ToString("F1", CultureInfo.InvariantCulture);

    private static void Say(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
