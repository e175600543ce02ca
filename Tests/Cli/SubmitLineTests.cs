using HiveMind.Cli;
using HiveMind.Protos;

namespace HiveMind.Tests.Cli;

public sealed class SubmitLineTests
{
    [Fact]
    public void Parse_TheWordsOfSubmit_BecomeTheRequest()
    {
        var request = SubmitLine.Parse(
            """{"code": "print(1)", "arguments": ["--x", 7], "cores": 0.5, "memory": "2G", "gpu": true, "priority": "high", "timeout": 90, "type": "python", "disk": null, "require": ["zone = a", "!spot"], "retry_on": "75", "max_attempts": 3}""", "run-3")
            .ToRequest();

        Assert.Equal(("print(1)", "python", TaskPriority.High, "run-3"), (request.TaskData.ToStringUtf8(), request.TaskType, request.Priority, request.RequestId));
        Assert.Equal(["--x", "7"], request.Arguments);
        Assert.Equal(new TaskRequirements { CpuCores = 0.5, MemoryMb = 2048, GpuRequired = true, TimeoutSeconds = 90, Labels = "zone = a, !spot" }, request.Requirements);
        Assert.Equal((75, 3), (Assert.Single(request.Retry.ExitCodes), request.Retry.MaxAttempts));
    }

    [Theory]
    [InlineData("""{"code": "1", "env": {"A": "b c", "N": 7}, "grace": 0}""")]
    [InlineData("""{"code": "1", "env": ["A=b c", "N=7"], "grace": "0s"}""")]
    public void Parse_VariablesAndGrace_BecomeTheRequest(string line)
    {
        var request = SubmitLine.Parse(line, "r").ToRequest();
        Assert.Equal(new Dictionary<string, string> { ["A"] = "b c", ["N"] = "7" }, request.Environment);
        Assert.Equal(-1, request.GraceSeconds);
    }

    [Fact]
    public void Parse_OwnRequestId_IsKept() => Assert.Equal("mine", SubmitLine.Parse("""{"code": "1", "request_id": "mine"}""", "run-1").RequestId);

    [Theory]
    [InlineData("print(1)", "is no JSON")]
    [InlineData("[1]", "is no JSON object")]
    [InlineData("""{"code": "1", "core": 2}""", "'core' is no field: code, file")]
    [InlineData("""{"code": ["1"]}""", "code")]
    [InlineData("""{"code": "1", "code": "2"}""", "is no JSON")]
    [InlineData("""{"code": "1", "arguments": [null]}""", "arguments[0]")]
    [InlineData("""{"code": "\ud800"}""", "is no JSON")]
    [InlineData("null", "is no JSON object")]
    [InlineData("""{"code": "1", "gpu": "yes"}""", "gpu")]
    [InlineData("""{"file": "-"}""", "'-' is no file")]
    [InlineData("""{}""", "What shall run?")]
    [InlineData("""{"file": "missing.py"}""", "missing.py")]
    [InlineData("""{"code": "1", "priority": "soon"}""", "--priority")]
    [InlineData("""{"code": "1", "env": "A=b"}""", "env")]
    [InlineData("""{"code": "1", "env": {"A": null}}""", "env")]
    [InlineData("""{"code": "1", "env": {"A=b": "c"}}""", "env")]
    [InlineData("""{"code": "1", "env": {"1A": "c"}}""", "'1A' is no name")]
    public void Parse_WhatIsNoTask_SaysWhatIsWrong(string line, string says) =>
        Assert.Contains(says, Assert.Throws<CliException>(() => SubmitLine.Parse(line, "r").ToRequest()).Message, StringComparison.Ordinal);

    /// <summary>docs/cli.md names each field, so that whoever adds a word to `submit` sees that it is one here too.</summary>
    [Fact]
    public void Fields_AreThoseOfTheDocs()
    {
        var text = File.ReadAllText(Path.Combine(Processes.Repository.Root, "docs/cli.md"));
        var section = text[text.IndexOf("### `submit-many`", StringComparison.Ordinal)..text.IndexOf("### `tasks`", StringComparison.Ordinal)];
        var refused = Assert.Throws<CliException>(() => SubmitLine.Parse("""{"no": 1}""", "r")).Message;
        Assert.DoesNotContain(refused[(refused.IndexOf(':', StringComparison.Ordinal) + 2)..^1].Split(", "), field => !section.Contains($"`{field}`", StringComparison.Ordinal));
    }
}
