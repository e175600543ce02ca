using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>Tasks by one SubmitTasks into a pool without workers: how fast they become durable, and what the silo has grown by.</summary>
internal sealed class BulkFigures(string? redis, int tasks) : BenchHub
{
    public static async Task<int> Run(string? redis, int tasks)
    {
        using var bulk = new BulkFigures(redis, tasks);
        await bulk.Measure();
        return 0;
    }

    private async Task Measure()
    {
        var (silo, address) = await StartSilo(await Store(redis));
        using var channel = GrpcChannel.ForAddress(address);
        var (_, me) = await NewUser(channel, "bulk");
        var hub = new MasterNodeService.MasterNodeServiceClient(channel);
        await BulkStream.Submit(hub, me, 1000, i => Noop($"warm-{i}")); // the first meet cold code
        silo.Refresh();
        var (before, worked) = (silo.WorkingSet64, silo.TotalProcessorTime);
        var began = Stopwatch.GetTimestamp();
        var refused = await BulkStream.Submit(hub, me, tasks, i => Noop($"{i}"));
        var took = Stopwatch.GetElapsedTime(began);
        silo.Refresh();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{tasks} tasks by one SubmitTasks: {tasks / took.TotalSeconds:F0}/s acknowledged, {refused} refused, "
            + $"{(silo.TotalProcessorTime - worked).TotalMicroseconds / tasks:F0} µs of the silo's processor time each, "
            + $"silo {before / 1_000_000} MB before, {silo.WorkingSet64 / 1_000_000} MB after, peak {ProcessMemory.PeakKb(silo) / 1000} MB"));
    }

    private static SubmitTaskRequest Noop(string requestId) => new()
    {
        TaskType = "noop", TaskData = ByteString.CopyFromUtf8("0"), RequestId = requestId, Requirements = new() { CpuCores = 0.02, MemoryMb = 16 },
    };
}
