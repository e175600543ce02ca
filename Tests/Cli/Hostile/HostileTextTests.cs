using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Grpc.Health.V1;
using HiveMind.Cli;
using HiveMind.Protos;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Cli;

/// <summary>The fake hub, and a home of its own for sessions and tokens.</summary>
public sealed class HostileHub : IAsyncLifetime
{
    /// <summary>What a terminal obeys: an escape sequence, a bell, C1 controls, a return; what turns or hides what stands beside it; and a line that looks like ours.</summary>
    public const string Text = "x\u001b[2J\u001b]0;pwn\u0007\u009b31m\u0085\rA\u202eB\u2066C\u200bD\ufeff\u2028E\nFORGED";
    private const string Moment = "2999-01-01T00:00:00Z";
    private static readonly string Home = Directory.CreateTempSubdirectory("hivemind-hostile-").FullName;

    static HostileHub()
    {
        // Of the whole process, and for good: verbs that run in it must not find the user's own files.
        Environment.SetEnvironmentVariable("XDG_CONFIG_HOME", Home);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Remove();
    }

    private static void Remove()
    {
        try
        {
            Directory.Delete(Home, recursive: true);
        }
        catch (IOException)
        {
            // a worker that was just killed may still hold it; the system's temporary folder is cleaned by its owner
        }
    }

    internal FakeHub Hub { get; private set; } = null!;
    public string Folder => Home;

    public async ValueTask InitializeAsync()
    {
        Hub = await FakeHub.Start();
        await File.WriteAllTextAsync(Path.Combine(Home, "tasks.jsonl"), "{\"code\": \"1\"}\n{\"code\": \"2\"}\n");
    }

    public ValueTask DisposeAsync() => Hub.DisposeAsync();

    /// <summary>Everything is hostile; moments too, or they are what they should be.</summary>
    internal FakeHub.Answer Lies(bool momentsToo, string printed = "") => (method, request) => Answer(method, request, new Filler(field => field switch
    {
        { Name: "next_page_token" } when request.Descriptor.FindFieldByName("page_token")?.Accessor.GetValue(request) is string { Length: > 0 } => "",
        { Name: "session_token" or "node_token" } => "a-token", // goes into a header, and is shown by no verb but node-token
        { Name: var name } when !momentsToo && (name.EndsWith("_at", StringComparison.Ordinal) || name is "last_login" or "last_heartbeat") => Moment,
        _ => Text,
    }), printed);

    /// <summary>Every call is refused, in hostile words.</summary>
    internal static IEnumerable<IMessage> Refuses(MethodDescriptor method, IMessage request)
    {
        var details = new Google.Rpc.Status
        {
            Code = (int)StatusCode.InvalidArgument, Message = Text,
            Details =
            {
                Any.Pack(new ErrorInfo { Reason = Text, Domain = Text }),
                Any.Pack(new BadRequest { FieldViolations = { new BadRequest.Types.FieldViolation { Field = Text, Description = Text } } }),
            },
        };
        throw new RpcException(new(StatusCode.InvalidArgument, Text), new Metadata { { "grpc-status-details-bin", details.ToByteArray() } });
    }

    private static IEnumerable<IMessage> Answer(MethodDescriptor method, IMessage request, Filler filler, string printed)
    {
        var bytes = Encoding.UTF8.GetBytes(printed);
        switch (method.Name)
        {
            case "WatchTask":
                yield return new WatchTaskResponse { Snapshot = Task(filler, TaskState.Pending) };
                yield return new WatchTaskResponse { Snapshot = Task(filler, TaskState.Running) };
                if (bytes.Length > 0) yield return new WatchTaskResponse { Output = new() { Attempt = 2, Stream = "stdout", Data = ByteString.CopyFrom(bytes) } };
                yield return new WatchTaskResponse { Snapshot = Task(filler, TaskState.Failed) };
                break;
            case "DownloadResult":
                if (((DownloadResultRequest)request).Stream == "stderr") bytes = [];
                yield return new DownloadResultResponse { Header = new() { Size = bytes.Length, Sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes)) } };
                if (bytes.Length > 0) yield return new DownloadResultResponse { Data = ByteString.CopyFrom(bytes) };
                break;
            case "SubmitTasks":
                var results = ((SubmitTasksRequest)request).Tasks.Select((task, at) =>
                {
                    var one = filler.Fill<SubmittedTask>();
                    one.Code = at % 2;
                    return one;
                });
                yield return new SubmitTasksResponse { Results = { results } };
                break;
            case "GetTaskResult":
                var result = filler.Fill<GetTaskResultResponse>();
                (result.Result, result.Stderr) = (ByteString.CopyFrom(bytes), ByteString.Empty);
                yield return result;
                break;
            case "ExplainTask":
                var why = filler.Fill<ExplainTaskResponse>();
                (why.State, why.Kind) = (TaskState.Pending, WaitKind.Waiting);
                yield return why;
                break;
            case "CancelTasks":
                var count = filler.Fill<CancelTasksResponse>();
                count.Failed = 0; // it would be said again, with pauses
                yield return count;
                break;
            case "WorkerStream":
                foreach (var one in Refuses(method, request)) yield return one;
                break;
            case "Check" or "Watch":
                yield return new HealthCheckResponse { Status = HealthCheckResponse.Types.ServingStatus.Serving };
                break;
            default:
                yield return filler.Fill(method.OutputType);
                break;
        }
    }

    private static GetTaskStatusResponse Task(Filler filler, TaskState state)
    {
        var task = filler.Fill<GetTaskStatusResponse>();
        task.State = state;
        return task;
    }
}

/// <summary>
/// Whatever a hub, a machine or a stranger wrote is shown by every verb and obeyed by none: nothing of it reaches a terminal but visible text. Only what a program printed
/// passes as it is. A new verb: a line in <see cref="Words"/> with words that make it print what the hub says.
/// </summary>
public sealed class HostileTextTests(HostileHub hostile) : IClassFixture<HostileHub>
{
    /// <summary>Null: the verb says nothing of a hub's; it is tried with hostile words of its own, like all.</summary>
    private static readonly Dictionary<string, string?> Words = new()
    {
        ["demo"] = null, ["up"] = null, ["silo"] = null, ["migrate"] = null, ["admin-code"] = null, ["completion"] = null,
        ["worker"] = null, // a process: see Worker_
        ["register"] = "me --email a@example.org --password-stdin", ["login"] = "me --password-stdin", ["logout"] = "", ["whoami"] = "", ["password"] = "--password-stdin",
        ["sessions"] = "", ["session-end"] = "--others",
        ["admin users"] = "--limit 2", ["admin user"] = "X", ["admin role"] = "X user", ["admin activate"] = "X", ["admin deactivate"] = "X", ["admin reset-password"] = "X",
        ["admin end-sessions"] = "X", ["admin credits"] = "X 1 --reason X", ["admin code"] = "", ["admin codes"] = "", ["admin code-revoke"] = "X", ["admin audit"] = "--limit 2",
        ["submit"] = "-c 1", ["submit-many"] = "{home}/tasks.jsonl", ["watch"] = "X", ["tasks"] = "--limit 2 --all-users", ["status"] = "X", ["explain"] = "X", ["result"] = "X",
        ["cancel"] = "X Y", ["nodes"] = "", ["node-cordon"] = "X", ["node-drain"] = "X", ["node-uncordon"] = "X", ["node-remove"] = "X", ["node-token"] = "X --replace --address 127.0.0.1",
        ["node-tokens"] = "", ["node-token-revoke"] = "X", ["stats"] = "", ["top"] = "", ["health"] = "", ["analytics"] = "--by node",
    };

    /// <summary>They print rows: none of them may look as if another began. The others answer with one sentence, or with what was made.</summary>
    private static readonly string[] Rows =
    [
        "whoami", "sessions", "admin users", "admin user", "admin codes", "admin audit", "submit-many", "watch", "tasks", "status", "explain", "result", "cancel", "node-tokens", "analytics", "top",
    ];

    /// <summary>They end with 1 for a task that failed or a line that was refused.</summary>
    private static readonly string[] SayNo = ["watch", "result", "submit-many", "cancel"];

    public static TheoryData<string> Verbs => [.. Commands(App.Build(new Terminal(TextWriter.Null, TextWriter.Null)), "")];

    [Theory, MemberData(nameof(Verbs))]
    public async Task Verb_HubWhoseEveryTextIsHostile_ShowsIt(string verb)
    {
        Assert.True(Words.TryGetValue(verb, out var words), $"No words here that make `{verb}` print what a hub says.");
        if (words is null) return;
        hostile.Hub.Answers = hostile.Lies(momentsToo: false);
        var (exit, output, error) = await Run(verb, words);
        Assert.True(exit == (SayNo.Contains(verb) ? ExitCodes.TaskFailed : ExitCodes.Ok), $"{exit}\n{output}\n{error}");
        AssertShown(output + error);
        if (Rows.Contains(verb)) AssertNotForged(output + error);

        var (jsonExit, json, jsonError) = await Run(verb, $"{words} --json");
        Assert.Equal((exit, ""), (jsonExit, jsonError));
        AssertShown(json);
        foreach (var line in json.Split('\n', StringSplitOptions.RemoveEmptyEntries)) Assert.True(IsWhatWasSaid(JsonDocument.Parse(line).RootElement), line);

        // Moments that are none: an end of whatever kind, in words, and no stack trace.
        hostile.Hub.Answers = hostile.Lies(momentsToo: true);
        (_, output, error) = await Run(verb, words);
        AssertShown(output + error);

        hostile.Hub.Answers = HostileHub.Refuses;
        (exit, output, error) = await Run(verb, words);
        Assert.True(exit != ExitCodes.Ok || verb is "logout" or "health", output);
        AssertShown(output + error);
        (_, output, error) = await Run(verb, $"{words} --json");
        AssertShown(output + error);
    }

    [Theory, MemberData(nameof(Verbs))]
    public async Task Verb_HostileWordsOfItsOwn_ShowsThem(string verb)
    {
        foreach (var word in new[] { $"--{HostileHub.Text}", $"--hub={HostileHub.Text}", $"--json{HostileHub.Text}" })
        {
            var (exit, output, error) = await Run(verb, "", word);
            Assert.Equal((ExitCodes.Usage, ""), (exit, output));
            AssertShown(error);
        }

        // A worker begins its own process anew; a verb that is run within another process must not.
        Assert.Null(Environment.GetEnvironmentVariable("HIVEMIND_WORKER_SCOPE"));
    }

    [Fact]
    public async Task Arguments_Hostile_AreShown()
    {
        hostile.Hub.Answers = hostile.Lies(momentsToo: false);
        foreach (var verb in Words.Where(pair => pair.Value?.Contains('X', StringComparison.Ordinal) == true).Select(pair => pair.Key))
        {
            var (_, output, error) = await Run(verb, Words[verb]!, replaced: true);
            AssertShown(output + error);
        }
    }

    [Theory]
    [InlineData("watch X")]
    [InlineData("result X")]
    [InlineData("submit -c 1 --wait")]
    public async Task Output_OfTheProgramItself_PassesAsItIs(string words)
    {
        const string Printed = "\u001b[32mgreen\u001b[0m\a\u009b31m\r50 %\u202e\n";
        hostile.Hub.Answers = hostile.Lies(momentsToo: false, Printed);
        var start = new System.Diagnostics.ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "hivemind.dll"), .. words.Split(' ')])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
            Environment = { ["XDG_CONFIG_HOME"] = hostile.Folder, ["HIVEMIND_HUB"] = hostile.Hub.Address.ToString() },
        };
        using var process = System.Diagnostics.Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        using var output = new MemoryStream();
        await process.StandardOutput.BaseStream.CopyToAsync(output, TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(ExitCodes.TaskFailed, process.ExitCode);
        Assert.Equal(Printed, Encoding.UTF8.GetString(output.ToArray()));
        AssertShown(await error);
        AssertNotForged(await error);
    }

    [Fact]
    public async Task Worker_HubWhoseEveryTextIsHostile_ShowsIt()
    {
        hostile.Hub.Answers = hostile.Lies(momentsToo: false);
        var environment = new Dictionary<string, string>
        {
            ["XDG_CONFIG_HOME"] = hostile.Folder, ["XDG_STATE_HOME"] = hostile.Folder, ["HIVEMIND_HUB"] = hostile.Hub.Address.ToString(),
        };
        using var worker = HivemindProcess.Start(environment, "worker", "--unsandboxed", "--allow-noop", "--node-id", "x", "--work-directory", Path.Combine(hostile.Folder, "work"));
        await Wait.Until(
            () => worker.Process.HasExited || worker.Output.Contains("pwn", StringComparison.Ordinal), TimeSpan.FromSeconds(30), () => $"nothing hostile is told:\n{worker.Output}");
        AssertShown(worker.Output);
    }

    /// <summary>What a verb says goes through <see cref="Terminal"/>, which shows and does not obey; whoever writes past it answers for it here.</summary>
    [Fact]
    public void Code_WritesToTheConsoleInFewPlaces()
    {
        string[] mayWrite =
        [
            "Program.cs", "Output/Terminal.cs", "Output/ForeignBytes.cs", "Output/OutputFile.cs", "Output/TextTable.cs", "Pool/TopVerb.cs", "Pool/Demo/DemoView.cs", "Pool/SiloVerb.cs",
        ];
        var folder = Path.Combine(Repository.Root, "Cli");
        var writing = Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Select(file => (Name: Path.GetRelativePath(folder, file).Replace('\\', '/'), Text: File.ReadAllText(file)))
            .Where(file => !file.Name.StartsWith("obj/", StringComparison.Ordinal) && !file.Name.StartsWith("bin/", StringComparison.Ordinal))
            .Where(file => System.Text.RegularExpressions.Regex.IsMatch(file.Text, @"AnsiConsole\.|Console\.(Out|Error|Write|OpenStandardOutput|OpenStandardError)"))
            .Select(file => file.Name);
        Assert.Empty(writing.Except(mayWrite));
    }

    private async Task<(int Exit, string Output, string Error)> Run(string verb, string words, string? word = null, bool replaced = false)
    {
        var (output, error) = (new StringWriter(CultureInfo.InvariantCulture), new StringWriter(CultureInfo.InvariantCulture));
        var filled = words.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(one => one is "X" && replaced ? HostileHub.Text : one.Replace("{home}", hostile.Folder, StringComparison.Ordinal));
        Console.SetIn(new StringReader("correct horse battery\nanother horse battery\n"));
        if (verb == "logout") new SessionFile(Path.Combine(hostile.Folder, "hivemind")).Write(hostile.Hub.Address, new(HostileHub.Text, "id", "user", "a-token", TimeProvider.System.GetUtcNow(), TimeProvider.System.GetUtcNow().AddDays(1)));
        string[] args = [.. verb.Split(' '), .. word is null ? ["--hub", hostile.Hub.Address.ToString()] : new[] { word }, .. filled];
        var exit = await App.Run(args, new Terminal(output, error) { CanAsk = false, CanDraw = false });
        return (exit, output.ToString(), error.ToString());
    }

    private static void AssertShown(string text)
    {
        var obeyed = text.EnumerateRunes().Where(rune => PlainText.IsHidden(rune) && rune.Value is not ('\n' or '\t')).Select(rune => $"U+{rune.Value:X4}").Distinct();
        Assert.True(!obeyed.Any(), $"{string.Join(' ', obeyed)} in: {PlainText.Visible(text)}");
        Assert.DoesNotContain("   at HiveMind", text, StringComparison.Ordinal);
    }

    private static void AssertNotForged(string text) =>
        Assert.DoesNotContain(text.Split('\n'), line => line.StartsWith("FORGED", StringComparison.Ordinal));

    /// <summary>Scripts get what was said, and not what is shown of it.</summary>
    private static bool IsWhatWasSaid(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => json.EnumerateObject().All(field => IsWhatWasSaid(field.Value)),
        JsonValueKind.Array => json.EnumerateArray().All(IsWhatWasSaid),
        JsonValueKind.String => !json.GetString()!.Contains("\\x1b", StringComparison.Ordinal),
        _ => true,
    };

    private static IEnumerable<string> Commands(Command command, string prefix) => command.Subcommands.Count == 0
        ? [prefix] : command.Subcommands.SelectMany(sub => Commands(sub, prefix.Length == 0 ? sub.Name : $"{prefix} {sub.Name}"));
}
