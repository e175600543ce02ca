using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>
/// Tasks at a steady rate, whatever the pool answers: mostly noop of 0 to 200 ms, some Python with output of up to a megabyte; some cancelled,
/// some with deadlines, some that fail and are tried again, some submitted twice under one request id.
/// </summary>
internal sealed class SoakLoad(MasterNodeService.MasterNodeServiceClient hub, Metadata me, int perSecond)
{
    private const int CallsTogether = 64;
    private static readonly int[] OutputBytes = [10, 3_000, 60_000, 1_000_000];
    private readonly ConcurrentQueue<string> _acknowledged = new();
    private readonly ConcurrentQueue<double> _submitMs = new(), _endMs = new();
    private readonly ConcurrentDictionary<string, int> _errors = new();
    private readonly List<string> _problems = [];
    private int _calls, _skipped;

    public IReadOnlyCollection<string> Acknowledged => _acknowledged;
    public IReadOnlyList<string> Problems => _problems;
    public IEnumerable<KeyValuePair<string, int>> Errors => _errors.OrderByDescending(error => error.Value);
    public int Skipped => _skipped;

    public async Task Run(CancellationToken stop)
    {
        var began = Stopwatch.GetTimestamp();
        using var calls = new SemaphoreSlim(CallsTogether);
        for (var number = 0L; !stop.IsCancellationRequested; number++)
        {
            var wait = TimeSpan.FromSeconds((double)number / perSecond) - Stopwatch.GetElapsedTime(began);
            if (wait > TimeSpan.FromMilliseconds(1)) await Task.Delay(wait, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!calls.Wait(0, CancellationToken.None))
            {
                _skipped++; // the pool is behind: what it cannot take now is not saved up
                continue;
            }

            var mine = number;
            _ = Task.Run(async () =>
            {
                await One(mine);
                calls.Release();
            }, CancellationToken.None);
        }

        for (var i = 0; i < CallsTogether; i++) await calls.WaitAsync(CancellationToken.None);
    }

    /// <summary>Since the last time it was asked: calls, and p50 and p99 of a submit and of a whole task.</summary>
    public string Interval()
    {
        var (submits, ends) = (Drain(_submitMs), Drain(_endMs));
        return $"{Interlocked.Exchange(ref _calls, 0)} submits, {At(submits, 0.5)} / {At(submits, 0.99)} ms; to the end (sampled) {At(ends, 0.5)} / {At(ends, 0.99)} ms";
    }

    private async Task One(long number)
    {
        var random = new Random((int)number);
        var request = Request(number, random);
        try
        {
            var began = Stopwatch.GetTimestamp();
            var id = (await hub.SubmitTaskAsync(request, me)).TaskId;
            _submitMs.Enqueue(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            Interlocked.Increment(ref _calls);
            _acknowledged.Enqueue(id);
            if (number % 50 == 7 && (await hub.SubmitTaskAsync(request, me)).TaskId is var again && again != id)
                lock (_problems) _problems.Add($"request {request.RequestId} became {id} and {again}");
            if (number % 33 == 5) await hub.CancelTaskAsync(new() { TaskId = id }, me);
            else if (number % 100 == 11) await Follow(id, began);
        }
        catch (RpcException failed)
        {
            _errors.AddOrUpdate($"{failed.StatusCode} {failed.Status.Detail.Split('.')[0]}", 1, (_, before) => before + 1);
        }
    }

    private async Task Follow(string id, long began)
    {
        for (var asked = 0; asked < 3000; asked++)
        {
            if ((await hub.GetTaskStatusAsync(new() { TaskId = id }, me)).Status is "completed" or "failed")
            {
                _endMs.Enqueue(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                return;
            }

            await Task.Delay(20);
        }
    }

    private static SubmitTaskRequest Request(long number, Random random)
    {
        var request = new SubmitTaskRequest
        {
            TaskType = "noop", TaskData = Text(random.Next(200).ToString(CultureInfo.InvariantCulture)), RequestId = $"soak-{number}",
            Requirements = new() { CpuCores = 0.02, MemoryMb = 16 },
        };
        if (number % 10 == 3) (request.QueueDeadlineSeconds, request.TotalTimeoutSeconds) = (60, 120);
        if (number % 100 == 11) (request.TaskType, request.TaskData) = ("python", Text($"print({number}, 'x' * {OutputBytes[number / 100 % 4]})"));
        if (number % 200 == 60)
        {
            (request.TaskType, request.TaskData) = ("python", Text("raise SystemExit(3)"));
            request.Retry = new() { AnyFailure = true, MaxAttempts = 2 };
        }

        return request;
    }

    private static ByteString Text(string text) => ByteString.CopyFromUtf8(text);

    private static List<double> Drain(ConcurrentQueue<double> queue)
    {
        var all = new List<double>();
        while (queue.TryDequeue(out var one)) all.Add(one);
        all.Sort();
        return all;
    }

    private static string At(List<double> sorted, double part) =>
        sorted.Count == 0 ? "-" : sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * part))].ToString("F0", CultureInfo.InvariantCulture);
}
