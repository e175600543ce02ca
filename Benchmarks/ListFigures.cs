using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;
using HiveMind.Rewards;
using HiveMind.Storage;
using State = HiveMind.Tasks.TaskState;

namespace HiveMind.Benchmarks;

/// <summary>Lists over a long history in a real database: how long pages take, and whether a list is whole while tasks come and end.</summary>
internal sealed class ListFigures(int tasks, int meanwhile) : BenchHub
{
    private const int PageSize = 50, Repeats = 50;

    public static async Task<int> Run(int tasks, int meanwhile)
    {
        using var figures = new ListFigures(tasks, meanwhile);
        return await figures.Measure() ? 0 : 1;
    }

    private async Task<bool> Measure()
    {
        var (_, address) = await StartSilo();
        using var channel = GrpcChannel.ForAddress(address);
        var hub = new MasterNodeService.MasterNodeServiceClient(channel);
        var (rootId, root) = await NewUser(channel, "root", await File.ReadAllTextAsync(Path.Combine(DataDirectory, "admin-code")));
        var (userId, me) = await NewUser(channel, "bench");
        await Fill(userId, rootId);

        await Pages("own", hub, me, new());
        await Pages("own, one in a thousand", hub, me, new() { States = { TaskState.TimedOut } });
        await Pages("everybody's", hub, root, new() { UserId = "*" });
        Console.WriteLine($"analytics of 24 h: {await Median(20, i => hub.GetAnalyticsAsync(new() { Hours = 24 + i }, me).ResponseAsync)}");

        await StartWorker(channel, me, address, 0);
        return await WhileTasksCome(hub, me);
    }

    /// <summary>As they are settled, in batches: half are the user's, the newest are minutes old.</summary>
    private async Task Fill(string userId, string otherId)
    {
        var began = Stopwatch.GetTimestamp();
        using var database = SqliteDatabase.Open(Path.Combine(DataDirectory, "books.db"), TimeProvider.System);
        var newest = TimeProvider.System.GetUtcNow().AddMinutes(-5);
        foreach (var batch in Enumerable.Range(0, 2 * tasks).Chunk(500))
        {
            await database.Settle([.. batch.Select(i =>
            {
                var created = newest.AddMilliseconds(-400.0 * (2 * tasks - i));
                var state = i % 2000 < 2 ? State.TimedOut : i % 20 < 2 ? State.Failed : State.Completed;
                return new Settlement(
                    Convert.ToHexStringLower(Guid.NewGuid().ToByteArray()), i % 2 == 0 ? userId : otherId, i % 3 == 0 ? "docker" : "python", state, "", created,
                    created.AddSeconds(i % 7), created.AddSeconds(i % 7 + i % 11 + 1), $"node-{i % 40}", 1, Tasks.BlobRef.Empty.Sha256, 0,
                    [new AttemptDue(1, $"node-{i % 40}", userId, otherId, 1000 + i % 100, 1000 * (i % 11 + 1), state == State.Completed)]);
            })], CancellationToken.None);
        }

        Console.WriteLine($"{tasks} ended tasks of one user and {tasks} of another in the database, settled at {2 * tasks / Stopwatch.GetElapsedTime(began).TotalSeconds:F0}/s");
    }

    private static async Task Pages(string name, MasterNodeService.MasterNodeServiceClient hub, Metadata me, ListTasksRequest filter)
    {
        var (first, last) = (filter.Clone(), filter.Clone());
        first.PageSize = last.PageSize = PageSize;
        var (seen, pages) = (0, 0);
        var all = filter.Clone();
        all.PageSize = 500;
        var began = Stopwatch.GetTimestamp();
        do
        {
            last.PageToken = all.PageToken;
            var page = await hub.ListTasksAsync(all, me);
            (seen, pages, all.PageToken) = (seen + page.Tasks.Count, pages + 1, page.NextPageToken);
        }
        while (all.PageToken.Length > 0);
        Console.WriteLine($"{name}: {seen} tasks in {pages} pages of 500, {Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s");
        Console.WriteLine($"  first page of {PageSize}: {await Median(Repeats, _ => hub.ListTasksAsync(first, me).ResponseAsync)}");
        Console.WriteLine($"  last pages of {PageSize}: {await Median(Repeats, _ => hub.ListTasksAsync(last, me).ResponseAsync)}");
    }

    private async Task<bool> WhileTasksCome(MasterNodeService.MasterNodeServiceClient hub, Metadata me)
    {
        var before = await All(hub, me);
        var submitting = Task.WhenAll(Enumerable.Range(0, 8).Select(async sender =>
        {
            var ids = new List<string>();
            for (var i = sender; i < meanwhile; i += 8)
            {
                ids.Add((await hub.SubmitTaskAsync(new()
                {
                    TaskType = "noop", TaskData = ByteString.CopyFromUtf8("0"), RequestId = $"{i}", Requirements = new() { CpuCores = 0.02, MemoryMb = 16 },
                }, me)).TaskId);
                var newest = await hub.ListTasksAsync(new() { PageSize = 100 }, me);
                if (newest.Tasks.All(task => task.TaskId != ids[^1])) Console.WriteLine($"just submitted and not listed: {ids[^1]}");
            }

            return ids;
        }));
        var (lists, wrong) = (0, 0);
        do
        {
            var during = await All(hub, me);
            lists++;
            wrong += during.Count - during.Distinct().Count() + before.Except(during).Count();
        }
        while (!submitting.IsCompleted);
        var submitted = (await submitting).SelectMany(ids => ids).ToList();
        var after = await All(hub, me);
        wrong += after.Count - after.Distinct().Count() + before.Concat(submitted).Except(after).Count();
        Console.WriteLine($"{submitted.Count} submitted, running and ending during {lists} whole lists: {wrong} missing or twice; {after.Count} in the list afterwards");
        return wrong == 0 && after.Count == before.Count + submitted.Count;
    }

    private static async Task<List<string>> All(MasterNodeService.MasterNodeServiceClient hub, Metadata me)
    {
        var ids = new List<string>();
        var request = new ListTasksRequest { PageSize = 500 };
        do
        {
            var page = await hub.ListTasksAsync(request, me);
            ids.AddRange(page.Tasks.Select(task => task.TaskId));
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return ids;
    }

    private static async Task<string> Median<T>(int times, Func<int, Task<T>> call)
    {
        await call(-1); // the first meets cold code
        var took = new List<double>();
        for (var i = 0; i < times; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await call(i);
            took.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        took.Sort();
        return $"median of {times} {took[times / 2]:F1} ms, slowest {took[^1]:F1} ms";
    }
}
