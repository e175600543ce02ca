using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Database;
using HiveMind.Tests.Processes;
using Microsoft.Playwright;

namespace HiveMind.Tests.Page;

/// <summary>Makes the pictures of `docs/screenshots` where HIVEMIND_SCREENSHOTS names that folder; docs/page.md says how.</summary>
public sealed class ScreenshotTests
{
    [Fact]
    public async Task Screenshots_OfBothWidthsAndSchemes_BeforeAndAfterLogin()
    {
        if (Environment.GetEnvironmentVariable("HIVEMIND_SCREENSHOTS") is not { Length: > 0 } folder) return;
        Directory.CreateDirectory(folder);
        using var data = new TestFolder();
        await MakeHistory(data);
        await using var shared = new PoolOf(data.Path);
        await shared.InitializeAsync();
        await Fill(shared);
        foreach (var (width, height) in new[] { (390, 844), (1280, 900) })
        {
            foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
            {
                await using var visit = await shared.Chromium.Visit(shared.Address, width, height, scheme);
                var name = $"{width}-{scheme.ToString().ToLowerInvariant()}";
                await visit.Open();
                await Take(visit, folder, $"{name}-stranger");
                await visit.LogIn("grace");
                await visit.Part("own-tasks").WaitForAsync();
                await visit.Part("live").WaitForAsync();
                await Take(visit, folder, $"{name}-own");
            }
        }

        await using var login = await shared.Chromium.Visit(shared.Address, 390, 844);
        await login.LogIn("grace", "wrong horse battery");
        await Take(login, folder, "390-light-login");
    }

    /// <summary>A quarter of an hour that nobody has to wait for: made-up tasks of nobody, written into the database before the silo starts.</summary>
    private static async Task MakeHistory(TestFolder folder)
    {
        using var database = folder.OpenDatabase();
        var (now, chance) = (TimeProvider.System.GetUtcNow(), new Random(7));
        var settlements = new List<HiveMind.Rewards.Settlement>();
        for (var second = 880; second > 20; second -= 10)
        {
            var wave = 6 + (5 * Math.Sin(second / 95.0)) + (second is > 300 and < 420 ? 14 : 0);
            for (var i = 0; i < wave + chance.Next(4); i++)
            {
                var ended = now.AddSeconds(-second + chance.Next(10));
                var started = ended.AddSeconds(-1 - chance.NextDouble());
                settlements.Add(Make.Settlement($"made-{settlements.Count}") with
                {
                    EndedAt = ended, StartedAt = started, CreatedAt = started.AddSeconds(-wave * wave / 60 * chance.NextDouble()),
                    State = chance.Next(14) switch { 0 => TaskState.Failed, 1 => TaskState.Cancelled, _ => TaskState.Completed },
                });
            }
        }

        await database.Settle(settlements, CancellationToken.None);
    }

    /// <summary>A pool at work: another node, tasks that ended in different ways, some that run and some that wait.</summary>
    private static async Task Fill(PagePool shared)
    {
        await shared.Pool.Nodes.RegisterNodeAsync(new()
        {
            NodeId = "attic-tower", Hostname = "attic", Capabilities = new() { CpuCores = 16, MemoryMb = 65536, HasGpu = true, GpuCount = 1, GpuModel = "RTX 4090" },
        }, shared.Grace.Metadata);
        var ended = new List<string>();
        for (var i = 0; i < 5; i++) ended.Add(await shared.Submit(shared.Grace, 700 + (i * 131 % 900)));
        foreach (var task in ended) await shared.Pool.WaitForEnd(task, shared.Grace);
        await shared.Pool.Master.CancelTaskAsync(new() { TaskId = await shared.Submit(shared.Grace, 60_000) }, shared.Grace.Metadata);
        for (var i = 0; i < 4; i++) await shared.Submit(shared.Grace, 300_000);
        await Wait.Until(async () => (await shared.Pool.Master.GetSystemStatsAsync(new(), shared.Grace.Metadata)) is { PendingTasks: > 0, RunningTasks: > 0 },
            TimeSpan.FromSeconds(60), () => "nothing waits");
    }

    private static async Task Take(BrowserVisit visit, string folder, string name) =>
        await visit.Page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}.png"), FullPage = true });

    private sealed class PoolOf(string dataDirectory) : PagePool(dataDirectory);
}
