using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>
/// A large program in and as large an output back, through real processes, every connection cut once in the middle: times, equal hashes, and how
/// much memory each process took above what it had when idle.
/// </summary>
internal sealed class BigFiles(int megabytes) : BenchHub
{
    public static async Task<int> Run(int megabytes)
    {
        using var run = new BigFiles(megabytes);
        return await run.Measure() ? 0 : 1;
    }

    private async Task<bool> Measure()
    {
        var size = (long)megabytes << 20;
        var program = Path.Combine(Folder, "program.py");
        var hash = BigProgram.Write(program, size, new Random(1));
        var (silo, address) = await StartSilo("--HiveMind:Auth:Mode=Open");
        using var channel = GrpcChannel.ForAddress(address);
        var tasks = new MasterNodeService.MasterNodeServiceClient(channel);
        await using var toWorker = new CutProxy(new Uri(address), size / 2);
        var worker = await StartWorker(channel, [], toWorker.Address, 0);
        await Finished(Start("submit", "-c", "print(1)", "--wait", "--hub", address)); // the first meets cold code
        var small = await Finished(Start("stats", "--hub", address));
        await Task.Delay(TimeSpan.FromSeconds(5));
        var (siloIdle, workerIdle) = (ProcessMemory.ResetPeakKb(silo), ProcessMemory.ResetPeakKb(worker));

        await using var up = new CutProxy(new Uri(address), size / 2);
        var began = Stopwatch.GetTimestamp();
        var submit = await Finished(Start("submit", program, "--max-output", $"{megabytes + 1}M", "--timeout", "30m", "--hub", up.Address));
        var uploaded = Stopwatch.GetElapsedTime(began);
        var id = submit.Output.Trim();
        GetTaskStatusResponse task;
        while ((task = await tasks.GetTaskStatusAsync(new() { TaskId = id })).Status is "pending" or "running") await Task.Delay(100);
        var ended = Stopwatch.GetElapsedTime(began) - uploaded;

        var saved = Path.Combine(Folder, "output");
        await using var down = new CutProxy(new Uri(address), size / 2);
        began = Stopwatch.GetTimestamp();
        var result = await Finished(Start("result", id, "-o", saved, "--hub", down.Address));
        var downloaded = Stopwatch.GetElapsedTime(began);
        await using var bytes = File.OpenRead(saved);
        var same = Convert.ToHexStringLower(await SHA256.HashDataAsync(bytes)) == hash && task.ResultSha256 == hash;

        Console.WriteLine($"{megabytes} MiB program: upload {Seconds(uploaded)}, fetch + run + send {Seconds(ended)} ({task.Status} {task.Reason}), download {Seconds(downloaded)}");
        Console.WriteLine($"equal hashes: {same}; cut once: upload {up.WasCut}, worker {toWorker.WasCut}, download {down.WasCut}");
        Console.WriteLine($"silo    {Growth(ProcessMemory.PeakKb(silo), siloIdle)}");
        Console.WriteLine($"worker  {Growth(ProcessMemory.PeakKb(worker), workerIdle)}");
        Console.WriteLine($"submit  {Growth(submit.PeakKb, small.PeakKb)}");
        Console.WriteLine($"result  {Growth(result.PeakKb, small.PeakKb)}");
        return same && up.WasCut && toWorker.WasCut && down.WasCut;
    }

    private static string Seconds(TimeSpan time) => $"{time.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s";

    private static string Growth(long peakKb, long idleKb) => $"peak {peakKb >> 10} MiB resident, idle {idleKb >> 10}: + {Math.Max(0, peakKb - idleKb) >> 10} MiB";

    private static async Task<(string Output, long PeakKb)> Finished(Process process)
    {
        var output = process.StandardOutput.ReadToEndAsync();
        var peak = 0L;
        while (!process.HasExited)
        {
            peak = Math.Max(peak, ProcessMemory.PeakKb(process));
            await Task.Delay(10);
        }

        return process.ExitCode == 0 ? (await output, peak) : throw new InvalidOperationException($"ended with {process.ExitCode}");
    }
}
