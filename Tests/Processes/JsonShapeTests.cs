using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using HiveMind.Cli;

namespace HiveMind.Tests.Processes;

/// <summary>
/// One user's tour through every verb with --json, in processes as a script starts them. A new verb: a section in docs/cli.md with its
/// fields, and a line in <see cref="Tour"/> with words that make it print them.
/// </summary>
public sealed class JsonTour() : SharedPool("Tasks:AllowNoop=true")
{
    private const string Password = "correct horse battery";
    private readonly string _home = Directory.CreateTempSubdirectory("hivemind-json-").FullName;
    private readonly Dictionary<string, string> _known = [];

    private enum Ends { Well, Refused, Never }

    /// <summary>In this order. {name}: what an earlier line left behind. Never: it goes on after its answer and is stopped.</summary>
    private static readonly (string Words, Ends Ends)[] Tour =
    [
        ("register tour --email tour@example.org --password-stdin", Ends.Well),
        ("login tour --password-stdin", Ends.Well),
        ("whoami", Ends.Well),
        ("worker --node-id tour-node --allow-noop --unsandboxed --label zone=tour", Ends.Never),
        ("submit -c 10 --type noop --retry-on 75 --wait", Ends.Well),
        ("submit -c 10 --type noop", Ends.Well),
        ("submit -c 600000 --type docker --env a=b --grace 0", Ends.Well),
        ("submit-many {home}/tasks.jsonl", Ends.Well),
        ("tasks --limit 2", Ends.Well),
        ("tasks --limit 500", Ends.Well),
        ("status {done}", Ends.Well),
        ("explain {task}", Ends.Well),
        ("status {task}", Ends.Well),
        ("watch {done}", Ends.Well),
        ("result {done}", Ends.Well),
        ("result {done} -o {home}/output", Ends.Well),
        ("top", Ends.Well),
        ("node-token another-machine --address 127.0.0.1", Ends.Well),
        ("cancel {task}", Ends.Well),
        ("cancel --state pending --type docker", Ends.Well),
        ("cancel --all --yes", Ends.Well),
        ("stats", Ends.Well),
        ("health", Ends.Well),
        ("analytics", Ends.Well),
        ("nodes", Ends.Well),
        ("node-cordon tour-node --reason maintenance", Ends.Well),
        ("node-drain tour-node --deadline 10m", Ends.Well),
        ("node-uncordon tour-node", Ends.Well),
        ("node-tokens", Ends.Well),
        ("node-token-revoke another-machine", Ends.Well),
        ("node-remove tour-node", Ends.Well),
        ("completion bash", Ends.Well),
        ("up --HiveMind:Grpc:Port={port1} --HiveMind:Http:Port={port2} --HiveMind:DataDirectory={home}/up", Ends.Never),
        ("submit -c x --type nonsense", Ends.Refused), // by the hub
        ("status", Ends.Refused), // here
        ("sessions", Ends.Well),
        ("session-end --others", Ends.Well),
        ("password --password-stdin", Ends.Well),
        ("logout", Ends.Well),
        ("register chief --email chief@example.org --password-stdin --admin-code-file {data}/admin-code", Ends.Well),
        ("admin users tour --role user --state active", Ends.Well),
        ("admin user chief", Ends.Well),
        ("admin role tour admin", Ends.Well),
        ("admin role tour user", Ends.Well),
        ("admin credits tour 5 --reason thanks", Ends.Well),
        ("admin code --uses 2 --valid 1d --note friends --for a-friend", Ends.Well),
        ("admin codes", Ends.Well),
        ("admin code-revoke {code}", Ends.Well),
        ("admin reset-password tour", Ends.Well),
        ("admin end-sessions tour", Ends.Well),
        ("admin deactivate tour", Ends.Well),
        ("admin activate tour", Ends.Well),
        ("admin audit --since 1h", Ends.Well),
        ("admin-code --HiveMind:DataDirectory={data}", Ends.Well),
    ];

    /// <summary>Every path that each verb printed, and what it ended with.</summary>
    public Dictionary<string, HashSet<string>> Printed { get; } = [];
    public HashSet<string> PrintedErrors { get; } = [];

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        (_known["home"], _known["port1"], _known["port2"], _known["data"]) = (_home, FreePort(), FreePort(), Pool.DataDirectory);
        await File.WriteAllTextAsync(Path.Combine(_home, "tasks.jsonl"), "{\"code\": \"10\", \"type\": \"noop\"}\n");
        // A verb that takes half a minute has one shape, which is built here.
        Printed["demo"] = JsonPaths.Of(Terminal.ToJson(new DemoReport(1, 1, 1, 1, 1, [new("a", "n", 1, 1, 1, false)], 1, 1, [])));
        // Needs a Redis and a stopped silo; MigrateTests runs it.
        Printed["migrate"] = JsonPaths.Of(Terminal.ToJson(new MigrateAnswer("f", "127.0.0.1:6379", true, 1, 1, "00", "hivemind silo")));
        HivemindProcess? worker = null;
        try
        {
            foreach (var (line, ends) in Tour)
            {
                var words = Fill(line);
                var process = await Run(words, ends == Ends.Never);
                Note(words, process, ends);
                if (words[0] == "worker") worker = process;
                else process.Dispose();
            }
        }
        finally
        {
            worker?.Dispose();
        }
    }

    public override ValueTask DisposeAsync()
    {
        try
        {
            Directory.Delete(_home, recursive: true);
        }
        catch (IOException)
        {
            // a child that was just killed may still hold it; the system's temporary folder is cleaned by its owner
        }

        return base.DisposeAsync();
    }

    private string[] Fill(string line) =>
        [.. line.Split(' ').Select(word => Regex.Replace(word, @"\{(\w+)\}", name => _known[name.Groups[1].Value]))];

    private async Task<HivemindProcess> Run(string[] words, bool stays)
    {
        var environment = new Dictionary<string, string>
        {
            ["XDG_CONFIG_HOME"] = _home, ["XDG_DATA_HOME"] = _home, ["XDG_STATE_HOME"] = _home, ["HIVEMIND_HUB"] = words[0] == "up" ? "" : Pool.Address,
        };
        var verb = Verb(words).Split(' ');
        var process = HivemindProcess.Start(environment, [.. verb, "--json", .. words[verb.Length..]]);
        if (words.Contains("--password-stdin")) await process.Process.StandardInput.WriteLineAsync(Password);
        if (words[0] == "password") await process.Process.StandardInput.WriteLineAsync("another horse battery");
        await Wait.Until(
            () => process.Process.HasExited || (stays && JsonLines(process.Output).Any()), TimeSpan.FromSeconds(60),
            () => $"{string.Join(' ', words)} says nothing:\n{process.Output}");
        if (process.Process.HasExited) await process.Exited(TimeSpan.FromSeconds(10)); // and what it printed is all here
        return process;
    }

    private void Note(string[] words, HivemindProcess process, Ends ends)
    {
        var lines = JsonLines(process.Output).ToList();
        Assert.True(
            lines.Count > 0 && (ends == Ends.Never || process.Process.ExitCode == 0 == (ends == Ends.Well)),
            $"`{string.Join(' ', words)}` did not end as this tour needs it:\n{process.Output}");
        var answersAs = words.Contains("--wait") ? "result" : Verb(words); // documented as the same answer
        if (!Printed.TryGetValue(answersAs, out var paths)) Printed[answersAs] = paths = [];
        if (ends == Ends.Refused) paths = PrintedErrors;
        foreach (var line in lines) paths.UnionWith(JsonPaths.Of(line));
        using var json = JsonDocument.Parse(lines[^1]);
        if (answersAs == "admin code") _known["code"] = json.RootElement.GetProperty("registered").GetProperty("code_id").GetString()!;
        if (words[0] != "submit" || ends != Ends.Well) return;
        _known[answersAs == "result" ? "done" : "task"] = json.RootElement.GetProperty("task_id").GetString()!;
    }

    private static string Verb(string[] words) => words[0] == AdminCommand.Word ? $"{words[0]} {words[1]}" : words[0];

    private static IEnumerable<string> JsonLines(string output) => output.Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith('{'));

    private static string FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return $"{((IPEndPoint)probe.LocalEndpoint).Port}";
    }
}

/// <summary>What docs/cli.md says is what the verbs print.</summary>
public sealed partial class JsonShapeTests(JsonTour tour) : IClassFixture<JsonTour>
{
    private static readonly Dictionary<string, string> Sections = Documented();

    public static TheoryData<string> Verbs => [.. Commands().Keys];

    [Theory, MemberData(nameof(Verbs))]
    public void Json_OfEachVerb_IsAsDocumented(string verb)
    {
        Assert.True(Sections.TryGetValue(verb, out var section), $"docs/cli.md has no section ### `{verb}`");
        if (!Commands()[verb].Options.Any(option => option.Name == "--json"))
        {
            Assert.Empty(Fields(section));
            return;
        }

        Assert.True(tour.Printed.TryGetValue(verb, out var printed), $"The tour (JsonTour.Tour) has no line that runs `{verb}`.");
        Compare(section, printed);
    }

    [Fact]
    public void Json_OfErrors_IsAsDocumented() => Compare(Sections["Errors"], tour.PrintedErrors);

    [Fact]
    public void Sections_EachIsAVerb() =>
        Assert.Empty(Sections.Keys.Where(name => char.IsLower(name[0])).Except(Commands().Keys));

    [Fact]
    public void ExitCodes_AreAsDocumented()
    {
        var documented = ExitCodeRow().Matches(Sections["Exit codes"]).Select(row => $"{row.Groups[1].Value} {row.Groups[2].Value}");
        var codes = typeof(ExitCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => $"{field.GetRawConstantValue()} {field.Name}");
        Assert.Equal(codes.Order(), documented.Order());
    }

    private static void Compare(string section, HashSet<string> printed)
    {
        var fields = Fields(section).ToList();
        Assert.Equal(fields.Select(field => field.Path), fields.Select(field => field.Path).Distinct());
        var undocumented = printed.Except(fields.Select(field => field.Path));
        var missing = fields.Where(field => !field.Optional).Select(field => field.Path).Except(printed);
        Assert.Equal(("", ""), ($"{string.Join(' ', undocumented)}", string.Join(' ', missing))); // printed but not documented; the reverse
    }

    /// <summary>By all of its words: `admin users`.</summary>
    private static Dictionary<string, Command> Commands() => App.Build(new Terminal(TextWriter.Null, TextWriter.Null)).Subcommands.Where(command => !command.Hidden)
        .SelectMany(command => command.Subcommands.Count == 0 ? [(command.Name, command)] : command.Subcommands.Select(sub => ($"{command.Name} {sub.Name}", sub)))
        .ToDictionary(verb => verb.Item1, verb => verb.Item2);

    private static IEnumerable<(string Path, bool Optional)> Fields(string section) =>
        FieldRow().Matches(section).Select(row => (row.Groups[1].Value, row.Groups[2].Value.Length > 0));

    private static Dictionary<string, string> Documented() => Section().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs/cli.md")))
        .ToDictionary(section => section.Groups[1].Value.Trim('`'), section => section.Groups[2].Value);

    [GeneratedRegex(@"^##+ (.+)\n((?:(?!##).*\n?)*)", RegexOptions.Multiline)]
    private static partial Regex Section();

    [GeneratedRegex(@"^\| `([a-z0-9_.\[\]]+)`(\?)? \|", RegexOptions.Multiline)]
    private static partial Regex FieldRow();

    [GeneratedRegex(@"^\| (\d+) \| `(\w+)` \|", RegexOptions.Multiline)]
    private static partial Regex ExitCodeRow();
}

/// <summary>The fields of a JSON text as paths: a.b, a[].b; a list of plain values is a[].</summary>
internal static class JsonPaths
{
    public static HashSet<string> Of(string json)
    {
        using var document = JsonDocument.Parse(json);
        var paths = new HashSet<string>();
        Walk(document.RootElement, "", paths);
        return paths;
    }

    private static void Walk(JsonElement element, string path, HashSet<string> paths)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject()) Walk(property.Value, path.Length == 0 ? property.Name : $"{path}.{property.Name}", paths);
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray()) Walk(item, $"{path}[]", paths);
                break;
            default:
                paths.Add(path);
                break;
        }
    }
}
