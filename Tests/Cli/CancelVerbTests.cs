using System.Globalization;
using HiveMind.Cli;
using HiveMind.Protos;

namespace HiveMind.Tests.Cli;

/// <summary>What `cancel` asks of the hub, and what it says of the answers.</summary>
public sealed class CancelVerbTests
{
    private readonly CancelVerb _cancel = new(new Terminal(TextWriter.Null, TextWriter.Null));

    [Fact]
    public void Wish_IdsOrAFilterOrAll()
    {
        Assert.Equal(["a", "b"], Wish("a b a").Ids);
        Assert.Equal([TaskState.Pending], Wish("--state pending").States);
        Assert.Equal([TaskState.Pending, TaskState.Assigned, TaskState.Running], Wish("--state pending running").States);
        Assert.Equal([TaskState.Assigned, TaskState.Running], Wish("--state Running,assigned").States);
        Assert.Equal("python", Wish("--type python --state pending").Type);
        Assert.True(Wish("--all --yes").All);
    }

    [Theory]
    [InlineData("", "Which tasks?")]
    [InlineData("a --all", "not two")]
    [InlineData("a --state pending", "not two")]
    [InlineData("--all --type python", "not two")]
    [InlineData("--state completed", "has ended")]
    public void Wish_NothingOrTwoWays_IsUsage(string words, string says)
    {
        var wrong = Assert.Throws<CliException>(() => Wish(words));
        Assert.Equal(ExitCodes.Usage, wrong.ExitCode);
        Assert.Contains(says, wrong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task All_WithNobodyToAsk_NeedsYes(bool json)
    {
        var error = new StringWriter(CultureInfo.InvariantCulture);
        // No hub is asked before.
        Assert.Equal(ExitCodes.Usage, await App.Run([.. new[] { "cancel", "--all", "--hub", "http://127.0.0.1:1" }, .. json ? ["--json"] : Array.Empty<string>()],
            new Terminal(TextWriter.Null, error) { CanAsk = false }));
        Assert.Contains("--yes", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(12, 0, 0, 0, "12 cancelled.")]
    [InlineData(12, 3, 0, 0, "12 cancelled, 3 had ended already.")]
    [InlineData(0, 0, 1, 2, "0 cancelled, 1 not found among your tasks, 2 could not be recorded by the hub now: say it again.")]
    public void Count_IsASentence(int cancelled, int ended, int notFound, int notRecorded, string says) =>
        Assert.Equal(says, new CancelCount(cancelled, ended, notFound, notRecorded).Sentence);

    private CancelWish Wish(string words) => _cancel.Wish(_cancel.Parse(words.Split(' ', StringSplitOptions.RemoveEmptyEntries), App.Parsing));
}
