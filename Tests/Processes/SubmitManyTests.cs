using System.Text.Json;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

/// <summary>`submit-many` as a user types it: thousands of lines, bad ones among them, a hub that dies in between.</summary>
public sealed class SubmitManyTests : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("hivemind-many-").FullName;

    public void Dispose() => Directory.Delete(_home, recursive: true);

    private HivemindProcess Start(PoolProcess pool, params string[] words) => HivemindProcess.Start(new Dictionary<string, string>
    {
        ["XDG_CONFIG_HOME"] = _home, ["XDG_DATA_HOME"] = _home, ["XDG_STATE_HOME"] = _home, ["HIVEMIND_HUB"] = pool.Address,
    }, words);

    private string Lines(params IEnumerable<string> lines)
    {
        var file = Path.Combine(_home, "tasks.jsonl");
        File.WriteAllLines(file, lines);
        return file;
    }

    private static string[] Ids(HivemindProcess process) => [.. process.Output.Split('\n').Select(line => line.Trim()).Where(HiveMind.Tasks.TaskIds.IsValid)];

    [Fact]
    public async Task SubmitMany_HubDiesAmongTheBirths_EachLineIsOneTask()
    {
        using var pool = await new PoolProcess("Auth:Mode=Open", "Tasks:AllowNoop=true").Start("submit.birth.after:1500");
        const int Count = 3000;
        var file = Lines(Enumerable.Range(0, Count).Select(i => $$"""{"code": "{{i}}", "type": "noop"}"""));
        using var many = Start(pool, "submit-many", file, "--run", "night-1");
        await pool.Exited(TimeSpan.FromSeconds(60));
        await pool.Start();

        Assert.True(await many.Exited(TimeSpan.FromSeconds(60)) == 0, many.Output);
        Assert.Equal(Count, Ids(many).Distinct().Count());
        Assert.Equal(Count, Ids(many).Length);
        Assert.Equal(Count, await Waiting(pool));

        using var again = Start(pool, "submit-many", file, "--run", "night-1");
        Assert.True(await again.Exited(TimeSpan.FromSeconds(60)) == 0, again.Output);
        Assert.Equal(Ids(many), Ids(again));
        Assert.Equal(Count, await Waiting(pool));
    }

    [Fact]
    public async Task SubmitMany_BadLinesAndALargeProgram_TheBadAreNamedAndTheOthersGoOn()
    {
        using var pool = await new PoolProcess("Auth:Mode=Open").Start();
        var program = Path.Combine(_home, "program.py");
        File.WriteAllText(program, new string('#', 100_000));
        var file = Lines(
            """{"code": "print(1)"}""", "nonsense", "", $$"""{"file": "{{program}}", "arguments": ["a"]}""", """{"code": "x", "cores": 5000}""",
            $$"""{"file": "{{program}}", "arguments": ["b"]}""");

        using var many = Start(pool, "submit-many", file);
        Assert.True(await many.Exited(TimeSpan.FromSeconds(60)) == 1, many.Output);
        Assert.Equal(3, Ids(many).Distinct().Count());
        Assert.Contains("line 2: is no JSON", many.Output, StringComparison.Ordinal);
        Assert.Contains("line 5: requirements.cpu_cores: 0 (means 1) to 4096.", many.Output, StringComparison.Ordinal);
        Assert.Contains("3 submitted, 2 refused", many.Output, StringComparison.Ordinal);

        using var piped = Start(pool, "submit-many", "--json");
        await piped.Process.StandardInput.WriteLineAsync("""{"code": "print(2)", "request_id": "piped"}""");
        await Wait.Until(() => piped.Output.Contains('{', StringComparison.Ordinal), TimeSpan.FromSeconds(30), () => "no answer while the pipe is open");
        piped.Process.StandardInput.Close();
        Assert.Equal(0, await piped.Exited(TimeSpan.FromSeconds(60)));
        using var json = JsonDocument.Parse(piped.Output);
        Assert.Equal((1, "piped"), (json.RootElement.GetProperty("line").GetInt32(), json.RootElement.GetProperty("request_id").GetString()));
    }

    /// <summary>In the list, which shows each task once.</summary>
    private static async Task<int> Waiting(PoolProcess pool)
    {
        var request = new ListTasksRequest { PageSize = 500 };
        var ids = new HashSet<string>();
        do
        {
            var page = await pool.Master.ListTasksAsync(request);
            Assert.All(page.Tasks, task => Assert.True(ids.Add(task.TaskId)));
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return ids.Count;
    }
}
