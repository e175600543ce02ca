using System.CommandLine;

namespace HiveMind.Cli;

/// <summary>`result`: the output of a task that has ended, byte for byte.</summary>
internal sealed class ResultVerb : Verb
{
    private readonly Argument<string> taskId = new("TASK");
    private readonly Option<string?> output = new("--output", "-o") { Description = "Write standard output there.", HelpName = "FILE" };
    private readonly Option<bool> onlyStderr = new("--stderr") { Description = "Standard error in place of standard output." };

    public ResultVerb(Terminal terminal) : base("result", "Print what a task printed.", terminal)
    {
        Add(taskId);
        Add(output);
        Add(onlyStderr);
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        return await TaskOutput.Show(hub, Terminal, parsed.GetRequiredValue(taskId), new OutputWish(parsed.GetValue(output), parsed.GetValue(onlyStderr)), stop);
    }
}
