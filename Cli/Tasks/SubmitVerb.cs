using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`submit`: gives the pool a program to run.</summary>
internal sealed class SubmitVerb : Verb
{
    private readonly Argument<string[]> words = new("FILE.py [-- ARG...]")
    {
        Description = "The program ('-': standard input) and its arguments (up to 256, 64 KiB together); its own options, and with -c all arguments, go after --.", Arity = ArgumentArity.ZeroOrMore,
    };
    private readonly Option<string?> code = new("--code", "-c") { Description = "The program itself.", HelpName = "CODE" };
    private readonly Option<string?> stdin =
        new("--stdin") { Description = "Standard input of the program, a file of any size that the hub takes ('-': ours); above 64 KiB it is uploaded first.", HelpName = "FILE" };
    private readonly Option<string[]> env = new("--env")
    {
        Description = "A variable for the program, several for several: NAME=VALUE, or NAME for the value that it has here (up to 256, 64 KiB together).", HelpName = "NAME=VALUE",
    };
    private readonly Option<string?> grace =
        new("--grace") { Description = "From SIGTERM to SIGKILL when it is stopped, up to 5m; 0: killed at once (5s).", HelpName = "TIME" };
    private readonly Option<string?> cores = new("--cores") { Description = "Cores to reserve (1).", HelpName = "N" };
    private readonly Option<string?> memory = new("--memory") { Description = "Memory to reserve, like 512M or 2G (256M).", HelpName = "SIZE" };
    private readonly Option<bool> gpu = new("--gpu") { Description = "Needs a GPU." };
    private readonly Option<int?> gpus = new("--gpus") { Description = "Needs so many GPUs.", HelpName = "N" };
    private readonly Option<string?> gpuModel = new("--gpu-model") { Description = "Needs GPUs of exactly this model, as `nodes` names it.", HelpName = "MODEL" };
    private readonly Option<string?> gpuMemory = new("--gpu-memory") { Description = "Needs GPUs with so much memory each, like 40G.", HelpName = "SIZE" };
    private readonly Option<string?> disk = new("--disk") { Description = "Disk to reserve for its files, like 10G; it is stopped above it.", HelpName = "SIZE" };
    private readonly Option<string[]> require =
        new("--require") { Description = "What the machine's labels must say, like 'zone in (a, b)'; several must all hold.", HelpName = "EXPRESSION" };
    private readonly Option<string?> priority = new("--priority") { Description = "low, normal, high or urgent.", HelpName = "WORD" };
    private readonly Option<string?> timeout = new("--timeout") { Description = "Longest run, like 90s or 5m (1h).", HelpName = "TIME" };
    private readonly Option<string?> retryOn = new("--retry-on")
    {
        Description = "Run it again after these ends: exit codes, 'failure' (any but 0), 'timeout'.", HelpName = "END,...",
    };
    private readonly Option<bool> noRetryOnLostNode =
        new("--no-retry-on-lost-node") { Description = "Fail, rather than run again, when its machine is lost." };
    private readonly Option<string?> maxAttempts = new("--max-attempts") { Description = "Attempts in all (as many as the pool allows).", HelpName = "N" };
    private readonly Option<string?> queueDeadline =
        new("--queue-deadline") { Description = "Give it up when it has not been started by then (never).", HelpName = "TIME" };
    private readonly Option<string?> totalTimeout =
        new("--total-timeout") { Description = "Longest time from now to its end, all attempts together (no limit).", HelpName = "TIME" };
    private readonly Option<string?> lease = new("--lease")
    {
        Description = "Keep its run so long while its machine is not heard, like 2h (the pool's lease); if that is dead, it waits as long, and an eighth more.", HelpName = "TIME",
    };
    private readonly Option<string?> maxOutput =
        new("--max-output") { Description = "Stop it when it prints more, like 2G (100M).", HelpName = "SIZE" };
    private readonly Option<string?> type = new("--type") { Description = "Type of the task (python).", HelpName = "TYPE" };
    private readonly Option<string?> requestId =
        new("--request-id") { Description = "The same id and content again is the same task.", HelpName = "ID" };
    private readonly Option<bool> wait = new("--wait") { Description = "Show what it prints until it ends." };

    public SubmitVerb(Terminal terminal) : base("submit", "Submit a task.", terminal)
    {
        Add(words);
        foreach (var option in new Option[]
        {
            code, stdin, env, grace, cores, memory, gpu, gpus, gpuModel, gpuMemory, disk, require, priority, timeout, retryOn, noRetryOnLostNode, maxAttempts,
            queueDeadline, totalTimeout, lease, maxOutput, type, requestId, wait,
        })
        {
            Add(option);
        }
    }

    /// <summary>What a parsed command line asks for.</summary>
    public SubmitInput Input(ParseResult parsed) => new()
    {
        Code = parsed.GetValue(code),
        File = parsed.GetValue(code) is null ? parsed.GetValue(words)?.FirstOrDefault() : null,
        Arguments = [.. (parsed.GetValue(words) ?? []).Skip(parsed.GetValue(code) is null ? 1 : 0)],
        StandardInputFile = parsed.GetValue(stdin),
        Env = parsed.GetValue(env) ?? [],
        Grace = parsed.GetValue(grace),
        Cores = parsed.GetValue(cores),
        Memory = parsed.GetValue(memory),
        Gpu = parsed.GetValue(gpu),
        Gpus = parsed.GetValue(gpus) ?? 0,
        GpuModel = parsed.GetValue(gpuModel) ?? "",
        GpuMemory = parsed.GetValue(gpuMemory),
        Disk = parsed.GetValue(disk),
        Require = parsed.GetValue(require) ?? [],
        Priority = parsed.GetValue(priority) ?? "normal",
        Timeout = parsed.GetValue(timeout),
        RetryOn = parsed.GetValue(retryOn),
        NoRetryOnLostNode = parsed.GetValue(noRetryOnLostNode),
        MaxAttempts = parsed.GetValue(maxAttempts),
        QueueDeadline = parsed.GetValue(queueDeadline),
        TotalTimeout = parsed.GetValue(totalTimeout),
        Lease = parsed.GetValue(lease),
        MaxOutput = parsed.GetValue(maxOutput),
        Type = parsed.GetValue(type) ?? "python",
        RequestId = parsed.GetValue(requestId) ?? Guid.NewGuid().ToString("N"),
    };

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var input = Input(parsed);
        var request = input.ToRequest();
        using var hub = await Connect(parsed, stop);
        await new TaskFiles(new FileUpload(hub, Terminal, TimeProvider.System)).Attach(input, request, FileUpload.InOneMessage, stop);
        var taskId = await Submit(hub, request, stop);
        if (parsed.GetValue(wait))
        {
            return await WatchVerb.Follow(hub, Terminal, taskId, quietAtFirst: true, id => Next(parsed, $"watch {id}"), stop);
        }

        Terminal.Result(taskId, new { TaskId = taskId, request.RequestId });
        Terminal.Hint($"Submitted. Next: {Next(parsed, $"watch {taskId}")}");
        Terminal.Hint($"           then: {Next(parsed, $"result {taskId}")}");
        return ExitCodes.Ok;
    }

    private static async Task<string> Submit(HubClient hub, SubmitTaskRequest request, CancellationToken stop)
    {
        using var span = Traces.Commands.StartActivity("hivemind.submit");
        var taskId = (await hub.Tasks.SubmitTaskAsync(request, cancellationToken: stop)).TaskId;
        span?.SetTag("hivemind.task.id", taskId).SetTag("hivemind.task.type", request.TaskType);
        return taskId;
    }
}
