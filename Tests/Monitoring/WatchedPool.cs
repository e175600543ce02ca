using System.Text.RegularExpressions;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Monitoring;

/// <summary>
/// A silo, a worker and a command line as people start them, told where to send figures and traces; and one task, from its submit to the
/// database, with `/metrics` read before and after.
/// </summary>
public sealed partial class WatchedPool : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string _directory = Directory.CreateTempSubdirectory("hivemind-watched-").FullName;
    private OtlpReceiver _receiver = null!;
    private PoolProcess _pool = null!;
    private HivemindProcess? _worker;

    internal OtlpReceiver Received => _receiver;
    internal Scrape Before { get; private set; } = null!;
    internal Scrape After { get; private set; } = null!;
    public string TaskId { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        _receiver = await OtlpReceiver.Start();
        var quick = new Dictionary<string, string> { ["OTEL_BSP_SCHEDULE_DELAY"] = "200", ["OTEL_METRIC_EXPORT_INTERVAL"] = "1000" };
        _pool = new PoolProcess("Tasks:AllowNoop=true", $"Telemetry:OtlpEndpoint={_receiver.Address}") { Environment = quick };
        await _pool.Start();
        Before = await Scrape.Of(PagesOf(_pool));
        await Hivemind("correct horse battery", "register", "tracey", "--email", "tracey@example.org", "--password-stdin");
        _worker = Start("worker", "--node-id", "watched-node", "--allow-noop", "--unsandboxed");
        await Wait.Until(async () => (await Scrape.Of(PagesOf(_pool))).Sum("hivemind_queue_nodes") == 1, Patience, () => $"no node: {_worker.Output}{_pool.Output}");

        var program = Path.Combine(_directory, "wait");
        await File.WriteAllTextAsync(program, "20".PadRight(5000)); // large enough to be a file
        TaskId = (await Hivemind("", "submit", program, "--type", "noop")).Trim().Split('\n')[0].Trim();
        await Hivemind("", "submit", program, "--type", "no-such-type", "--json");
        await Wait.Until(async () =>
        {
            After = await Scrape.Of(PagesOf(_pool));
            return After.Sum("hivemind_settlements_written_total") == 1 && After.Sum("hivemind_settlements_open") == 0;
        }, Patience, () => $"the task did not come to its end:\n{_worker.Output}\n{_pool.Output}");
    }

    public async ValueTask DisposeAsync()
    {
        _worker?.Dispose();
        _pool.Dispose();
        await _receiver.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private static string PagesOf(PoolProcess pool) => HealthLine().Match(pool.Output).Groups[1].Value;

    private HivemindProcess Start(params string[] arguments)
    {
        var environment = new Dictionary<string, string>
        {
            ["XDG_CONFIG_HOME"] = _directory, ["XDG_DATA_HOME"] = _directory, ["XDG_STATE_HOME"] = _directory, ["HIVEMIND_HUB"] = _pool.Address,
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _receiver.Address, ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
        };
        return HivemindProcess.Start(environment, arguments);
    }

    private async Task<string> Hivemind(string input, params string[] arguments)
    {
        using var command = Start(arguments);
        await command.Process.StandardInput.WriteLineAsync(input);
        command.Process.StandardInput.Close();
        await command.Exited(Patience);
        return command.Output;
    }

    [GeneratedRegex(@"health +(http://\S+)/readyz")]
    private static partial Regex HealthLine();
}
