using HiveMind.Cli;
using HiveMind.Protos;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Cli;

public sealed class TasksVerbTests
{
    private readonly TasksVerb _tasks = new(new Terminal(TextWriter.Null, TextWriter.Null));
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 25, 18, 0, 0, TimeSpan.Zero));

    private ListTasksRequest Request(params string[] words) => _tasks.Request(_tasks.Parse(words, App.Parsing), _time);

    [Fact]
    public void Table_WiderThanTheTerminal_IsNotDrawn()
    {
        var table = new TextTable("task", "state");
        table.Add(new string('a', 32), "completed");
        Assert.Equal((true, false), (table.Fits(48), table.Fits(47)));
    }

    [Fact]
    public void Tasks_WithoutOptions_AsksForOwnOnes() => Assert.Equal(new ListTasksRequest(), Request());

    [Fact]
    public void Tasks_WithOptions_BecomesTheRequest()
    {
        var expected = new ListTasksRequest
        {
            UserId = "*", TaskType = "python", CreatedAfter = "2026-11-25T16:30:00Z", PageToken = "t", States = { TaskState.TimedOut, TaskState.Failed },
        };
        Assert.Equal(expected, Request("--all-users", "--type", "python", "--since", "1h30m", "--page", "t", "--state", "timed_out", "failed"));
        Assert.Equal(expected.States, Request("--state", "timed_out,failed").States);
        Assert.Equal(expected.States, Request("--state", "timed_out", "--state", "failed").States);
    }

    [Fact]
    public void Tasks_SinceAMoment_IsPassedOnAsItIs() => Assert.Equal("2026-11-25T16:30:00Z", Request("--since", "2026-11-25T16:30:00Z").CreatedAfter);

    [Theory]
    [InlineData("--state", "unspecified")]
    [InlineData("--state", "soon")]
    [InlineData("--since", "yesterday")]
    public void Tasks_WhatCannotBe_IsUsage(params string[] words) =>
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CliException>(() => Request(words)).ExitCode);

    [Fact]
    public async Task Status_WithoutATask_NamesTheVerbThatListsThem()
    {
        var error = new StringWriter();
        Assert.Equal(ExitCodes.Usage, await App.Run(["status"], new Terminal(TextWriter.Null, error)));
        Assert.Contains("tasks", error.ToString(), StringComparison.Ordinal);
    }
}
