using System.CommandLine;
using System.Text.RegularExpressions;
using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`submit-many`: a task for each line of a file, by one stream.</summary>
internal sealed partial class SubmitManyVerb : Verb
{
    private static readonly TimeSpan SayEvery = TimeSpan.FromSeconds(1);

    private readonly Argument<string> file = new("FILE")
    {
        Description = "One JSON object a line, with the words of `submit` as fields ('-', or nothing: standard input).", DefaultValueFactory = _ => "-",
    };
    private readonly Option<string?> run =
        new("--run") { Description = "The same name and lines again submit only what is missing (a new name).", HelpName = "NAME" };
    private long accepted, refused, saidAt;

    public SubmitManyVerb(Terminal terminal) : base("submit-many", "Submit a task for each line.", terminal)
    {
        Add(file);
        Add(run);
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var path = parsed.GetRequiredValue(file);
        if (path != "-" && !File.Exists(path)) throw CliException.Usage($"There is no file '{path}'.");
        var name = parsed.GetValue(run) ?? Guid.NewGuid().ToString("N");
        if (!RunName().IsMatch(name)) throw CliException.Usage("--run: 1 to 100 of letters, digits, '.', '_' and '-'.");
        using var hub = await Connect(parsed, stop);
        using var lines = path == "-" ? new StreamReader(Console.OpenStandardInput()) : new StreamReader(path);
        var time = TimeProvider.System;
        var many = new ManySubmit(hub, new LineBatches(lines, name, new TaskFiles(new FileUpload(hub, Terminal, time)), time), Say, time);
        try
        {
            await many.Run(stop);
        }
        catch (Exception broken) when (broken is RpcException or OperationCanceledException)
        {
            Terminal.Hint($"{accepted} tasks are in. The same lines again submit the others: {Next(parsed, $"submit-many {path} --run {name}")}");
            throw;
        }

        Terminal.Hint($"{accepted} submitted, {refused} refused.");
        return refused == 0 ? ExitCodes.Ok : ExitCodes.TaskFailed;
    }

    private void Say(NumberedTask task, SubmittedTask result)
    {
        Terminal.EndStatus();
        if (result.Code == 0) accepted++;
        else refused++;
        if (result.Code == 0 || Terminal.Json)
        {
            Terminal.Result(Words.Line(result.TaskId), new
            {
                task.Line, result.TaskId, RequestId = task.Request?.RequestId ?? "", result.Reason, result.Message, result.Field,
            });
        }
        else
        {
            Terminal.Message(Words.Line($"line {task.Line}: {(result.Field.Length > 0 ? $"{result.Field}: " : "")}{result.Message}"));
        }

        if (TimeProvider.System.GetElapsedTime(saidAt) < SayEvery) return;
        saidAt = TimeProvider.System.GetTimestamp();
        Terminal.Status($"{accepted} submitted, {refused} refused");
    }

    [GeneratedRegex("^[A-Za-z0-9._-]{1,100}$")]
    private static partial Regex RunName();
}
