using System.Text.Json;
using System.Text.RegularExpressions;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Monitoring;

/// <summary>What a real pool shows of one task: every figure, and its trace.</summary>
public sealed partial class FiguresTests(WatchedPool pool) : IClassFixture<WatchedPool>
{
    [Theory]
    [InlineData("hivemind_accounts_registered_total")]
    [InlineData("hivemind_logins_total", "outcome=\"ok\"")]
    [InlineData("hivemind_nodes_connections_total")]
    [InlineData("hivemind_worker_streams")]
    [InlineData("hivemind_nodes", "state=\"online\"")]
    [InlineData("hivemind_capacity_cpu")]
    [InlineData("hivemind_capacity_memory_free_bytes")]
    [InlineData("hivemind_tasks_submitted_total", "task_type=\"noop\"")]
    [InlineData("hivemind_offers_sent_total")]
    [InlineData("hivemind_offers_answers_total", "kind=\"granted\"")]
    [InlineData("hivemind_attempts_granted_total", "task_type=\"noop\"")]
    [InlineData("hivemind_attempts_started_total", "task_type=\"noop\"")]
    [InlineData("hivemind_attempts_ended_total", "cause=\"COMPLETED\"")]
    [InlineData("hivemind_tasks_ended_total", "state=\"completed\"")]
    [InlineData("hivemind_task_wait_duration_seconds_count")]
    [InlineData("hivemind_task_run_duration_seconds_sum")]
    [InlineData("hivemind_task_duration_seconds_sum", "state=\"completed\"")]
    [InlineData("hivemind_settlements_written_total")]
    [InlineData("hivemind_settlements_batch_size_sum")]
    [InlineData("hivemind_settlements_commit_duration_seconds_count")]
    [InlineData("hivemind_rewards_paid_microcredits_total")]
    [InlineData("hivemind_floor_commit_duration_seconds_count")]
    [InlineData("hivemind_floor_commit_size_sum")]
    [InlineData("hivemind_floor_write_duration_seconds_count", "record=\"task\"")]
    [InlineData("hivemind_files_written_bytes_total")]
    [InlineData("hivemind_files_read_bytes_total")]
    [InlineData("hivemind_submits_refused_total", "reason=\"INVALID_FIELD\"")]
    [InlineData("rpc_server_call_duration_seconds_count", "rpc_method=\"nodepool.MasterNodeService/SubmitTask\",rpc_response_status_code=\"OK\"")]
    [InlineData("rpc_server_call_duration_seconds_count", "rpc_method=\"nodepool.MasterNodeService/SubmitTask\",rpc_response_status_code=\"INVALID_ARGUMENT\"")]
    [InlineData("orleans_app_requests_latency_seconds_count")]
    public void OneTask_EachStep_MovesItsFigure(string name, string label = "") =>
        Assert.True(pool.After.Sum(name, label) > pool.Before.Sum(name, label), $"{name} {label} stayed {pool.Before.Sum(name, label)}");

    [Fact]
    public void Metrics_EveryInstrumentOfTheTable_IsThereWithItsLabels()
    {
        foreach (var row in InstrumentTable.Read())
        {
            Assert.True(pool.After.Names.Contains(row.PrometheusName), $"{row.PrometheusName} is not served");
            Assert.Equal(row.Labels.Order(), pool.After.LabelsOf(row.PrometheusName).Order());
        }
    }

    [Fact]
    public async Task Metrics_Promtool_AcceptsThem()
    {
        var (exitCode, said) = await Promtool.Run(pool.After.Text, "check", "metrics");

        Assert.True(exitCode == 0, said);
    }

    [Fact]
    public void Metrics_Names_OfUsersNodesAndTasksAreNotInThem()
    {
        foreach (var name in new[] { "tracey", "watched-node", pool.TaskId }) Assert.DoesNotContain(name, pool.After.Text);
    }

    [Theory]
    [InlineData("deploy/prometheus/alerts.yml")]
    [InlineData("deploy/grafana/hivemind.json")]
    public void Deploy_EveryFigureAskedFor_IsServed(string file)
    {
        var expressions = file.EndsWith(".json", StringComparison.Ordinal) ? PanelExpressions(file) : RuleExpressions(file);
        var asked = expressions.SelectMany(expression => MetricName().Matches(expression)).Select(name => name.Value).Distinct().ToList();

        Assert.True(asked.Count > 10, $"only {asked.Count} names were found: the files are not read");
        Assert.Empty(asked.Except(pool.After.Names));
    }

    [Fact]
    public async Task OneTask_Trace_GoesFromTheCommandToTheWorkerAndBack()
    {
        (string Service, string Name)[] wanted =
        [
            ("hivemind-cli", "hivemind.submit"), ("hivemind-silo", "POST /nodepool.MasterNodeService/SubmitTask"), ("hivemind-silo", "ITaskGrain/Submit"),
            ("hivemind-silo", "hivemind.task.wait"), ("hivemind-worker", "hivemind.task.run"), ("hivemind-silo", "hivemind.task.end"),
        ];
        List<ReceivedSpan> trace = [];
        await Wait.Until(() =>
        {
            // The submit that was refused is a trace too: ours is the one that came to a worker.
            var id = pool.Received.Spans.FirstOrDefault(span => span.Name == "hivemind.task.run")?.TraceId;
            trace = [.. pool.Received.Spans.Where(span => span.TraceId == id)];
            return wanted.All(one => trace.Any(span => (span.Service, span.Name) == one)) && !Hanging(trace).Any();
        }, TimeSpan.FromSeconds(30), () => $"missing, or hanging on a span nobody sent: {string.Join(", ", Hanging(trace).Select(span => span.Name))}; of\n"
            + string.Join('\n', pool.Received.Spans.Select(span => $"{span.TraceId} {span.Service} {span.Name}").Order()));

        Assert.Equal("hivemind.submit", Assert.Single(trace, span => span.ParentId.Length == 0).Name);
    }

    [Fact]
    public async Task Figures_ByOtlp_AreTheSame()
    {
        await Wait.Until(() => pool.Received.Metrics.ContainsKey(("hivemind-silo", "hivemind.settlements.written")), TimeSpan.FromSeconds(30), () => "no figures came");

        Assert.Contains(("hivemind-silo", "orleans-grains"), pool.Received.Metrics.Keys);
    }

    private static IEnumerable<ReceivedSpan> Hanging(List<ReceivedSpan> trace) =>
        trace.Where(span => span.ParentId.Length > 0 && !trace.Exists(other => other.SpanId == span.ParentId));

    private static IEnumerable<string> PanelExpressions(string file)
    {
        using var dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, file)));
        return [.. dashboard.RootElement.GetProperty("panels").EnumerateArray().Where(panel => panel.TryGetProperty("targets", out _))
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray()).Select(target => target.GetProperty("expr").GetString()!)];
    }

    private static IEnumerable<string> RuleExpressions(string file) =>
        Expression().Matches(File.ReadAllText(Path.Combine(Repository.Root, file))).Select(rule => rule.Groups[1].Value);

    /// <summary>Ours and those of .NET and Orleans by how they begin; `up` is Prometheus' own.</summary>
    [GeneratedRegex(@"\b(?:hivemind|rpc_server|orleans|dotnet|kestrel)_\w+(?=[\s{\[)])(?!\s*=)")]
    private static partial Regex MetricName();

    [GeneratedRegex(@"expr:((?:.|\n)*?)\n +(?:for|labels):")]
    private static partial Regex Expression();
}
