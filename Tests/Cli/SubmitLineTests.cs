using HiveMind.Cli;
using HiveMind.Protos;

namespace HiveMind.Tests.Cli;

public sealed class SubmitLineTests
{
    [Fact]
    public void Parse_TheWordsOfSubmit_BecomeTheRequest()
    {
        var request = SubmitLine.Parse(
            """{"code": "print(1)", "arguments": ["--x", 7], "cores": 0.5, "memory": "2G", "gpu": true, "priority": "high", "timeout": 90, "type": "python"}""", "run-3")
            .ToRequest();

        Assert.Equal(("print(1)", "python", TaskPriority.High, "run-3"), (request.TaskData.ToStringUtf8(), request.TaskType, request.Priority, request.RequestId));
        Assert.Equal(["--x", "7"], request.Arguments);
        Assert.Equal(new TaskRequirements { CpuCores = 0.5, MemoryMb = 2048, GpuRequired = true, TimeoutSeconds = 90 }, request.Requirements);
    }

    [Fact]
    public void Parse_OwnRequestId_IsKept() => Assert.Equal("mine", SubmitLine.Parse("""{"code": "1", "request_id": "mine"}""", "run-1").RequestId);

    [Theory]
    [InlineData("print(1)", "is no JSON")]
    [InlineData("[1]", "is no JSON object")]
    [InlineData("""{"code": "1", "core": 2}""", "'core' is no field: code, file")]
    [InlineData("""{"code": ["1"]}""", "code")]
    [InlineData("""{"code": "1", "gpu": "yes"}""", "gpu")]
    [InlineData("""{"file": "-"}""", "'-' is no file")]
    [InlineData("""{}""", "What shall run?")]
    [InlineData("""{"file": "missing.py"}""", "missing.py")]
    [InlineData("""{"code": "1", "priority": "soon"}""", "--priority")]
    public void Parse_WhatIsNoTask_SaysWhatIsWrong(string line, string says) =>
        Assert.Contains(says, Assert.Throws<CliException>(() => SubmitLine.Parse(line, "r").ToRequest()).Message, StringComparison.Ordinal);
}
