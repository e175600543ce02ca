using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Reflection;
using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Cli;
using HiveMind.Protos;
using HiveMind.Tasks;
using HiveMind.Tests.Processes;
using Microsoft.Data.Sqlite;
using Login = HiveMind.Tests.Processes.Login;
using TaskState = HiveMind.Protos.TaskState;

namespace HiveMind.Tests.Upgrade;

/// <summary>
/// A pool that an earlier version began, and whose hub and workers ended by SIGKILL, goes on with this one. README.md beside this says what is in
/// it and when to make it anew. The hub's clock begins two minutes after that death, whenever the test runs.
/// </summary>
public sealed class UpgradeTests : IDisposable
{
    private const string Prefix = "HiveMind.Upgrade.";
    private const string Attic = "attic", Bench = "bench", Gone = "gone";

    private readonly string _folder = Directory.CreateTempSubdirectory("hivemind-upgrade-").FullName;
    private readonly Dictionary<string, Login> _logins = [];

    public static TheoryData<string> Pools() =>
        [.. Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(".json", StringComparison.Ordinal))
            .Select(name => name[Prefix.Length..^".json".Length])];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Pools))]
    public async Task PoolOfAnEarlierVersion_GoesOnWithThisOne(string name)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        Assert.SkipUnless(StepClockTests.Library is not null, "faketime is not installed");
        using var said = JsonDocument.Parse(Resource($"{name}.json"));
        var old = said.RootElement;
        var died = Times.Parse(Text(old, "made_at"));
        using var pool = await Unpacked(name, died).Start();

        await AssertAccounts(pool, old);
        await AssertEndedTasks(pool, old.GetProperty("ended"));
        await AssertNodes(pool, old.GetProperty("nodes"));
        var unfinished = old.GetProperty("open").EnumerateObject().Select(task => Text(task.Value.GetProperty("status"), "task_id")).ToHashSet();
        await AssertRepeats(pool, [.. old.GetProperty("repeats").EnumerateArray().Where(repeat => unfinished.Contains(Text(repeat, "task_id")))]);

        await AssertOpenTasks(pool, old);
        await AssertCancelled(pool, old.GetProperty("waits"));

        await AssertBooks(pool, old);
        // After the balances: the repeat of a task that has ended holds what a new one might cost for up to five minutes (ADR 37).
        await AssertRepeats(pool, [.. old.GetProperty("repeats").EnumerateArray()]);
        await AssertWhatWasShutIsOpenedAgain(pool, old);
    }

    /// <summary>All log in with the passwords they had and have the credits they had; who was logged in still is; who was shut out still is.</summary>
    private async Task AssertAccounts(PoolProcess pool, JsonElement old)
    {
        foreach (var account in old.GetProperty("accounts").EnumerateObject())
        {
            var before = account.Value;
            if (!before.GetProperty("is_active").GetBoolean())
            {
                Assert.Equal(StatusCode.Unauthenticated, (await Refusal.Of(pool.Users.LoginUserAsync(new() { Username = account.Name, Password = Text(old, "password") }))).Code);
                continue;
            }

            var login = await pool.LogIn(account.Name);
            _logins[account.Name] = login;
            Assert.Equal(Text(before, "user_id"), login.UserId);
            var now = (await pool.Users.GetUserInfoAsync(new(), login.Metadata)).User;
            Assert.Equal((Text(before, "username"), Text(before, "email"), Text(before, "role"), Text(before, "created_at")), (now.Username, now.Email, now.Role, now.CreatedAt));
            Assert.Equal(Credits(before, "balance_credits"), now.BalanceCredits, 6);
            Assert.Equal(Credits(before, "held_credits"), now.HeldCredits, 6);
        }

        // From here on cyd acts with the session of the old hub.
        var session = PoolProcess.Bearer(Text(old, "cyds_session"));
        var sessions = (await pool.Users.ListSessionsAsync(new(), session)).Sessions;
        Assert.Equal(2, sessions.Count);
        _logins["cyd"] = _logins["cyd"] with { Metadata = session };
        foreach (var login in _logins.Values) new SessionFile(Path.Combine(Home(login), "hivemind")).Write(new Uri(pool.Address), login.Session());

        var dan = old.GetProperty("accounts").GetProperty("dan");
        var shut = (await new AdminService.AdminServiceClient(pool.Channel).GetUserAsync(new() { User = "dan" }, _logins["ada"].Metadata)).User;
        Assert.Equal((false, Credits(dan, "balance_credits"), 0.0), (shut.IsActive, shut.BalanceCredits, shut.HeldCredits));
    }

    /// <summary>Whatever `status` said of a task that has ended it says still, and its outputs are the same.</summary>
    private async Task AssertEndedTasks(PoolProcess pool, JsonElement ended)
    {
        Assert.NotEmpty(ended.EnumerateObject());
        foreach (var task in ended.EnumerateObject())
        {
            var login = _logins[Text(task.Value, "user")];
            var before = task.Value.GetProperty("status");
            AssertSays(before, await Status(pool, login, Text(before, "task_id")), task.Name);
            AssertResult(task.Value.GetProperty("result"), await pool.Master.GetTaskResultAsync(new() { TaskId = Text(before, "task_id") }, login.Metadata), task.Name);
        }
    }

    private static void AssertResult(JsonElement before, GetTaskResultResponse now, string task)
    {
        Assert.Equal((task, Text(before, "status"), Text(before, "sha256"), Text(before, "reason"), Text(before, "stderr")),
            (task, now.Status, now.Sha256, now.Reason, now.Stderr.ToStringUtf8()));
        Assert.Equal(now.Sha256, now.Result.IsEmpty ? now.Sha256 : Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(now.Result.Span)));
        if (before.TryGetProperty("stdout", out var stdout)) Assert.Equal(stdout.GetString(), now.Result.ToStringUtf8());
        else Assert.True(now.Result.Length > 100_000, $"{task}: {now.Result.Length} bytes");
    }

    /// <summary>A machine that was away is known with what it did, and the cordon on it stands; one that was removed is not known.</summary>
    private async Task AssertNodes(PoolProcess pool, JsonElement nodes)
    {
        var now = (await Says(pool, _logins["bob"], "nodes")).GetProperty("nodes").EnumerateArray().ToDictionary(node => Text(node, "node_id"));

        Assert.Equal([Attic, Bench], now.Keys.Order());
        Assert.NotEmpty(Text(nodes.GetProperty(Attic), "cordoned"));
        AssertSays(nodes.GetProperty(Attic), now[Attic], Attic, except: ["last_heartbeat"]);
        AssertSays(nodes.GetProperty(Bench), now[Bench], Bench, except: ["last_heartbeat", "status", "connected", "task_count", "free_cpu_cores", "free_memory_mb"]);
        Assert.Equal(StatusCode.NotFound, (await Refusal.Of(pool.Nodes.GetNodeInfoAsync(new() { NodeId = Gone }, _logins["bob"].Metadata))).Code);
    }

    /// <summary>The same submit under the same request id is the same task; another under that id is refused.</summary>
    private async Task AssertRepeats(PoolProcess pool, IReadOnlyList<JsonElement> repeats)
    {
        Assert.NotEmpty(repeats);
        foreach (var repeat in repeats)
        {
            var login = _logins[Text(repeat, "user")];
            var again = await Says(pool, login, [.. repeat.GetProperty("words").EnumerateArray().Select(word => word.GetString()!)]);
            Assert.Equal(Text(repeat, "task_id"), Text(again, "task_id"));
            var other = await Refusal.Of(pool.Master.SubmitTaskAsync(
                new() { TaskType = "python", TaskData = ByteString.CopyFromUtf8("print('other')"), RequestId = Text(again, "request_id") }, login.Metadata));
            Assert.Equal("REQUEST_ID_REUSED", other.Reason);
        }
    }

    /// <summary>What waited runs, what the dead hub's machine had runs again; each completes once, as it was asked for, and none on the machine put aside.</summary>
    private async Task AssertOpenTasks(PoolProcess pool, JsonElement old)
    {
        var (cyd, tokens) = (_logins["cyd"], old.GetProperty("tokens"));
        using var attic = Worker(pool, Attic, tokens);
        await Wait.Until(async () => (await pool.Nodes.GetNodeInfoAsync(new() { NodeId = Attic }, _logins["bob"].Metadata)).Node.Connected,
            TimeSpan.FromSeconds(30), () => attic.Output + pool.Output);
        using var bench = Worker(pool, Bench, tokens);
        using var north = await pool.StartWorker(_logins["bob"], "north", "--cores", "2", "--unsandboxed", "--accept-strangers", "--label", "at=north");

        foreach (var task in old.GetProperty("open").EnumerateObject())
        {
            var before = task.Value.GetProperty("status");
            var id = Text(before, "task_id");
            var now = await pool.WaitForEnd(id, cyd);
            Assert.True(now.State == TaskState.Completed, $"{task.Name}: {now.State} {now.Reason} {now.ErrorMessage}\n{bench.Output}\n{pool.Output}");
            Assert.Equal(Text(task.Value, "output"), (await pool.Master.GetTaskResultAsync(new() { TaskId = id }, cyd.Metadata)).Result.ToStringUtf8());
            Assert.Single(now.Attempts, attempt => attempt.Cause == Causes.Completed);
            var had = before.GetProperty("attempts").GetArrayLength();
            Assert.Equal(had + 1, now.Attempts.Count);
            Assert.NotEqual(Attic, now.AssignedNode);
            var wasHeld = Text(before, "state") == "running";
            if (wasHeld) Assert.Contains(now.Attempts[had - 1].Cause, new[] { Causes.NodeLost, Causes.HubAway });

            // As submitted, and as far as it had got.
            var shown = await Status(pool, cyd, id);
            string[] asked =
            [
                "task_id", "task_type", "priority", "created_at", "max_attempts", "grace_seconds", "environment", "standard_input_size", "lease_seconds", "retry",
                "queue_deadline_seconds", "total_timeout_seconds",
            ];
            foreach (var field in asked) AssertSays(before.GetProperty(field), shown.GetProperty(field), $"{task.Name}: {field}");
            foreach (var (first, second) in before.GetProperty("attempts").EnumerateArray().SkipLast(wasHeld ? 1 : 0).Zip(shown.GetProperty("attempts").EnumerateArray()))
            {
                AssertSays(first, second, task.Name);
            }
        }
    }

    /// <summary>Nothing is held any more for one that waited when its sender cancels it.</summary>
    private async Task AssertCancelled(PoolProcess pool, JsonElement waits)
    {
        var (id, sender) = (Text(waits, "task_id"), _logins[Text(waits, "user")]);
        Assert.Equal(TaskState.Pending, (await pool.Status(id, sender)).State);
        await pool.Master.CancelTaskAsync(new() { TaskId = id }, sender.Metadata);
        var now = await pool.WaitForEnd(id, sender);
        Assert.Equal((TaskState.Cancelled, 0), (now.State, now.Attempts.Count));
    }

    /// <summary>Credits moved between the accounts and none came or went; nothing is held; for each task its payer paid what it cost, once.</summary>
    private async Task AssertBooks(PoolProcess pool, JsonElement old)
    {
        var accounts = old.GetProperty("accounts").EnumerateObject().ToList();
        var admin = new AdminService.AdminServiceClient(pool.Channel);
        var before = accounts.Sum(account => Credits(account.Value, "balance_credits"));
        List<UserInfo> now = [];
        await Wait.Until(async () =>
        {
            now = [];
            foreach (var account in accounts) now.Add((await admin.GetUserAsync(new() { User = account.Name }, _logins["ada"].Metadata)).User);
            return Math.Abs(now.Sum(user => user.BalanceCredits) - before) < 1e-6 && now.All(user => user.HeldCredits == 0);
        }, TimeSpan.FromSeconds(75), () => $"{before} credits became {string.Join(' ', now)}");

        var tasks = old.GetProperty("open").EnumerateObject().Concat(old.GetProperty("ended").EnumerateObject()).Where(task => Text(task.Value, "user") != "ada").ToList();
        var paid = 0L;
        foreach (var task in tasks)
        {
            var (payer, id) = (_logins[Text(task.Value, "user")], Text(task.Value.GetProperty("status"), "task_id"));
            var cost = (long)Math.Round((await pool.Status(id, payer)).CostCredits * 1_000_000);
            Assert.Equal((-cost, cost), (Posted(pool, id, payer.UserId), Posted(pool, id, _logins["bob"].UserId)));
            paid += cost;
        }

        Assert.Equal(0, Posted(pool));
        var earned = now.Single(user => user.Username == "bob").BalanceCredits - 1000;
        Assert.Equal(paid / 1e6, earned, 6);
    }

    private static long Posted(PoolProcess pool, string? task = null, string? account = null)
    {
        using var books = new SqliteConnection($"Data Source={Path.Combine(pool.DataDirectory, "books.db")};Mode=ReadOnly");
        books.Open();
        using var sum = books.CreateCommand();
        sum.CommandText = task is null ? "SELECT SUM(micros) FROM postings" : "SELECT COALESCE(SUM(micros), 0) FROM postings WHERE kind = 'reward' AND task_id = @task AND account_id = @account";
        sum.Parameters.AddWithValue("@task", task ?? "");
        sum.Parameters.AddWithValue("@account", account ?? "");
        return (long)sum.ExecuteScalar()!;
    }

    /// <summary>The account that was shut out, the machine that was put aside and the code that nobody used are good again, or still.</summary>
    private async Task AssertWhatWasShutIsOpenedAgain(PoolProcess pool, JsonElement old)
    {
        await new AdminService.AdminServiceClient(pool.Channel).SetUserActiveAsync(new() { User = "dan", Active = true }, _logins["ada"].Metadata);
        await pool.Nodes.UncordonNodeAsync(new() { NodeId = Attic }, _logins["bob"].Metadata);
        var dan = await pool.LogIn("dan");
        using var attic = Worker(pool, Attic, old.GetProperty("tokens"));
        var task = await pool.Master.SubmitTaskAsync(new()
        {
            TaskType = "python", TaskData = ByteString.CopyFromUtf8("print('again')"), Requirements = new() { CpuCores = 1, MemoryMb = 128, Labels = "at = attic" },
        }, dan.Metadata);
        var ended = await pool.WaitForEnd(task.TaskId, dan);
        Assert.Equal((TaskState.Completed, Attic), (ended.State, ended.AssignedNode));

        RegisterUserRequest Fay(string code) => new() { Username = "fay", Password = Text(old, "password"), Email = "fay@example.org", RegistrationCode = code };
        Assert.NotEqual(StatusCode.OK, (await Refusal.Of(pool.Users.RegisterUserAsync(Fay("")))).Code);
        await pool.Users.RegisterUserAsync(Fay(Text(old, "register_code")));
    }

    private PoolProcess Unpacked(string name, DateTimeOffset died)
    {
        using var packed = new GZipStream(new MemoryStream(Resource($"{name}.tar.gz")), CompressionMode.Decompress);
        TarFile.ExtractToDirectory(packed, _folder, overwriteFiles: false);
        var offset = (long)(died.AddMinutes(2) - TimeProvider.System.GetUtcNow()).TotalSeconds;
        return new PoolProcess($"DataDirectory={Path.Combine(_folder, "data")}", "Auth:Registration=Code", "Nodes:SlowStart=0")
        {
            Environment = new Dictionary<string, string>
            {
                ["LD_PRELOAD"] = StepClockTests.Library!, ["FAKETIME"] = offset.ToString("+0;-0", CultureInfo.InvariantCulture),
                ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1", ["DONT_FAKE_MONOTONIC"] = "1",
            },
        };
    }

    private WorkerProcess Worker(PoolProcess pool, string node, JsonElement tokens) =>
        new(pool, node, Text(tokens, node), ["--cores", "4", "--memory", "2G", "--unsandboxed", "--accept-strangers", "--label", $"at={node}"]);

    private string Home(Login login) => Path.Combine(_folder, "home", login.Name);

    /// <summary>What `status` prints.</summary>
    private static async Task<JsonElement> Status(PoolProcess pool, Login login, string id) =>
        JsonDocument.Parse(Terminal.ToJson(TaskShapes.Status(await pool.Status(id, login)))).RootElement;

    /// <summary>The answer of a verb of this version's command line.</summary>
    private async Task<JsonElement> Says(PoolProcess pool, Login login, params string[] words)
    {
        // Before what may be the program's own words.
        using var process = HivemindProcess.Start(
            new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = Home(login), ["HIVEMIND_HUB"] = pool.Address }, [words[0], "--json", .. words[1..]]);
        var code = await process.Exited(TimeSpan.FromSeconds(30));
        Assert.True(code == 0, $"{string.Join(' ', words)} ended with {code}:\n{process.Output}\n{pool.Output}");
        return JsonDocument.Parse(process.Output.Split('\n').Last(line => line.StartsWith('{'))).RootElement;
    }

    /// <summary>Every field that there was is there with the same value; there may be more.</summary>
    private static void AssertSays(JsonElement before, JsonElement now, string where, params string[] except)
    {
        if (before.ValueKind == JsonValueKind.Object && now.ValueKind == JsonValueKind.Object)
        {
            foreach (var field in before.EnumerateObject().Where(field => !except.Contains(field.Name)))
            {
                Assert.True(now.TryGetProperty(field.Name, out var value), $"{where}: {field.Name} is gone");
                AssertSays(field.Value, value, $"{where}.{field.Name}");
            }
        }
        else if (before.ValueKind == JsonValueKind.Array && now.ValueKind == JsonValueKind.Array)
        {
            Assert.True(before.GetArrayLength() == now.GetArrayLength(), $"{where}: {before} became {now}");
            foreach (var (i, pair) in before.EnumerateArray().Zip(now.EnumerateArray()).Index()) AssertSays(pair.First, pair.Second, $"{where}[{i}]");
        }
        else
        {
            Assert.True(JsonElement.DeepEquals(before, now), $"{where}: {before} became {now}");
        }
    }

    private static byte[] Resource(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Prefix + name)
            ?? throw new InvalidOperationException($"{name} is not in the tests' binary: build them again after make-data");
        using var all = new MemoryStream();
        stream.CopyTo(all);
        return all.ToArray();
    }

    private static string Text(JsonElement of, string field) => of.GetProperty(field).GetString() ?? "";

    private static double Credits(JsonElement of, string field) => of.GetProperty(field).GetDouble();
}
