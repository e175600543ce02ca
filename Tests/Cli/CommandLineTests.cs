using System.Text.Json;
using HiveMind.Cli;
using HiveMind.Protos;

namespace HiveMind.Tests.Cli;

public sealed class CommandLineTests
{
    private readonly SubmitVerb submit = new(new Terminal(TextWriter.Null, TextWriter.Null));

    private SubmitTaskRequest Parse(params string[] words) => submit.Input(submit.Parse(words, App.Parsing)).ToRequest();

    [Fact]
    public void Submit_CodeWithOptions_BecomesTheRequest()
    {
        var request = Parse(
            "-c", "print(1)", "--cores", "0.5", "--memory", "2G", "--gpu", "--priority", "High", "--timeout", "5m", "--", "--x", "@y");
        Assert.Equal("print(1)", request.TaskData.ToStringUtf8());
        Assert.Equal(["--x", "@y"], request.Arguments);
        Assert.Equal(new TaskRequirements { CpuCores = 0.5, MemoryMb = 2048, GpuRequired = true, TimeoutSeconds = 300 }, request.Requirements);
        Assert.Equal(TaskPriority.High, request.Priority);
        Assert.Equal("python", request.TaskType);
    }

    [Fact]
    public void Submit_RetryAndDeadlines_BecomeTheRequest()
    {
        var request = Parse(
            "-c", "x", "--retry-on", "75, Timeout,1,failure", "--no-retry-on-lost-node", "--max-attempts", "3", "--queue-deadline", "10m", "--total-timeout", "1h30m", "--lease", "2h");
        Assert.Equal(
            new TaskRetry { ExitCodes = { 75, 1 }, AnyFailure = true, OnTimeout = true, NotOnLostNode = true, MaxAttempts = 3 }, request.Retry);
        Assert.Equal((600, 5400, 7200), (request.QueueDeadlineSeconds, request.TotalTimeoutSeconds, request.LeaseSeconds));
        Assert.Null(Parse("-c", "x").Retry);
        Assert.Equal(new TaskRetry { MaxAttempts = 2 }, Parse("-c", "x", "--max-attempts", "2").Retry);
    }

    [Fact]
    public void Submit_VariablesAndGrace_BecomeTheRequest()
    {
        Environment.SetEnvironmentVariable("HM_TEST_HERE", "this one");
        var request = Parse("-c", "x", "--env", "A=b=c d", "--env=EMPTY=", "--env", "HM_TEST_HERE", "--env", "A=last", "--grace", "1m30s", "--", "--env", "C=d");
        Assert.Equal(new Dictionary<string, string> { ["A"] = "last", ["EMPTY"] = "", ["HM_TEST_HERE"] = "this one" }, request.Environment);
        Assert.Equal(["--env", "C=d"], request.Arguments);
        Assert.Equal(90, request.GraceSeconds);
        Assert.Equal([-1, -1, 1, 300, 0], new[] { "0", "0s", "1", "5m" }.Select(grace => Parse("-c", "x", "--grace", grace).GraceSeconds).Append(Parse("-c", "x").GraceSeconds));
    }

    [Theory]
    [InlineData("1A=b", "'1A' is no name")]
    [InlineData("=b", "'' is no name")]
    [InlineData("A-B=c", "'A-B' is no name")]
    [InlineData("Ä=c", "'Ä' is no name")]
    [InlineData("A B=c", "'A B' is no name")]
    [InlineData("HM_TEST_NOT_THERE", "write HM_TEST_NOT_THERE=VALUE")]
    public void Submit_BadVariable_NamesTheFieldAndTheFix(string word, string fix)
    {
        var wrong = Assert.Throws<CliException>(() => Parse("-c", "x", "--env", word));
        var field = Assert.Single(wrong.Fields);
        Assert.Equal((ExitCodes.Usage, "environment"), (wrong.ExitCode, field.Field));
        Assert.Contains(fix, field.Fix, StringComparison.Ordinal);
        Assert.StartsWith("--env: ", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Submit_Help_SaysTheLimits()
    {
        var help = string.Join('\n', submit.Options.Select(option => $"{option.Name} {option.Description}").Concat(submit.Arguments.Select(words => words.Description)));
        Assert.Matches("--stdin .*64 KiB", help);
        Assert.Matches("--env .*256, 64 KiB", help);
        Assert.Matches("--grace .*5m.*5s", help);
        Assert.Contains("up to 256, 64 KiB together); its own options", help, StringComparison.Ordinal);
    }

    [Fact]
    public void Submit_WhatIsAskedOfTheMachine_BecomesRequirements() => Assert.Equal(
        new TaskRequirements
        {
            GpuCount = 2, GpuModel = "NVIDIA H200", GpuMemoryMb = 40960, DiskMb = 10240, Labels = "zone in (a, b), !spot",
        },
        Parse("-c", "x", "--gpus", "2", "--gpu-model", "NVIDIA H200", "--gpu-memory", "40G", "--disk", "10G", "--require", "zone in (a, b)", "--require", "!spot").Requirements);

    [Fact]
    public void Worker_Labels_AreReadByName() => Assert.Equal(
        new Dictionary<string, string> { ["zone"] = "a", ["example.org/tier"] = "", ["a"] = "b" }, LabelWords.Read(["zone=a", "example.org/tier=", "a=b"]));

    [Theory]
    [InlineData("zone", "NAME=VALUE")]
    [InlineData("=a", "NAME=VALUE")]
    [InlineData("zone=a b", "NAME=VALUE")]
    [InlineData("gpu.model=H200", "by the hub itself")]
    [InlineData("zone=a zone=b", "twice")]
    public void Worker_BadLabel_IsUsageThatSaysHow(string words, string said)
    {
        var wrong = Assert.Throws<CliException>(() => LabelWords.Read(said == "twice" ? words.Split(' ') : [words]));
        Assert.Equal(ExitCodes.Usage, wrong.ExitCode);
        Assert.Contains(said, wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Submit_TwiceWithoutRequestId_IsTwoTasks() =>
        Assert.NotEqual(Parse("-c", "x").RequestId, Parse("-c", "x").RequestId);

    [Theory]
    [InlineData]
    [InlineData("missing-file.py")]
    [InlineData("-c", "x", "--cores", "-1")]
    [InlineData("-c", "x", "--priority", "soon")]
    [InlineData("-c", "x", "--retry-on", "0")]
    [InlineData("-c", "x", "--retry-on", "256")]
    [InlineData("-c", "x", "--retry-on", "75,")]
    [InlineData("-c", "x", "--retry-on", "crash")]
    [InlineData("-c", "x", "--max-attempts", "0")]
    [InlineData("-c", "x", "--max-attempts", "21")]
    [InlineData("-c", "x", "--queue-deadline", "soon")]
    [InlineData("-c", "x", "--total-timeout", "0s")]
    [InlineData("-c", "x", "--grace", "-1")]
    [InlineData("-c", "x", "--grace", "5m1s")]
    [InlineData("-c", "x", "--grace", "soon")]
    [InlineData("-", "--stdin", "-")]
    public void Submit_WhatCannotBe_IsUsage(params string[] words) =>
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CliException>(() => Parse(words)).ExitCode);

    [Fact]
    public async Task Run_UnknownOption_IsUsageOnStandardError()
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        Assert.Equal(ExitCodes.Usage, await App.Run(["whoami", "--wat"], new Terminal(output, error)));
        Assert.Equal("", output.ToString());
        Assert.Contains("--wat", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_NoHub_IsUnreachable()
    {
        var error = new StringWriter();
        var exit = await App.Run(["stats", "--hub", "http://127.0.0.1:1", "--json"], new Terminal(TextWriter.Null, error));
        Assert.Equal(ExitCodes.Unreachable, exit);
        using var json = JsonDocument.Parse(error.ToString());
        Assert.Equal(ExitCodes.Unreachable, json.RootElement.GetProperty("error").GetProperty("exit_code").GetInt32());
    }

    [Fact]
    public void Silo_Settings_GoThroughUntouched()
    {
        var parsed = App.Build(new Terminal(TextWriter.Null, TextWriter.Null))
            .Parse(["silo", "--stop-with-stdin", "--HiveMind:Grpc:Port=5", "--HiveMind:Http:Port", "6"], App.Parsing);
        Assert.Equal(["--HiveMind:Grpc:Port=5", "--HiveMind:Http:Port", "6"], SiloVerb.Settings(parsed));
    }

    [Fact]
    public void Up_Settings_KeepTheirOrderAndRepetitions()
    {
        var up = new UpVerb(new Terminal(TextWriter.Null, TextWriter.Null));
        string[] settings = ["--HiveMind:Grpc:Port", "6000", "--HiveMind:Http:Port", "6000"];
        Assert.Equal(settings, UpVerb.Settings(up.Parse(["--json", .. settings], App.Parsing)));
    }

    [Fact]
    public void Status_Json_HasTheNamesOfTheWire()
    {
        using var json = JsonDocument.Parse(Terminal.ToJson(
            TaskShapes.Status(new GetTaskStatusResponse { TaskId = "t", State = TaskState.TimedOut, Status = "failed" })));
        Assert.Equal("timed_out", json.RootElement.GetProperty("state").GetString());
        Assert.Equal("t", json.RootElement.GetProperty("task_id").GetString());
        Assert.Equal(0, json.RootElement.GetProperty("attempts").GetArrayLength());
    }

    [Fact]
    public void Result_BytesThatAreNoText_AreBase64()
    {
        var result = new GetTaskResultResponse { Result = Google.Protobuf.ByteString.CopyFrom(0xff, 0x00) };
        using var json = JsonDocument.Parse(Terminal.ToJson(TaskShapes.Result("t", result)));
        Assert.Equal(JsonValueKind.Null, json.RootElement.GetProperty("stdout").ValueKind);
        Assert.Equal("/wA=", json.RootElement.GetProperty("stdout_base64").GetString());
        Assert.Equal("", json.RootElement.GetProperty("stderr").GetString());
    }
}
