using System.CommandLine;
using System.CommandLine.Invocation;
using Grpc.Core;

namespace HiveMind.Cli;

/// <summary>The verbs put together, and the one place where an exception becomes an exit code.</summary>
internal static class App
{
    /// <summary>`prepareWorker`: what a worker does to its process before it begins; null where the process is not this program's own.</summary>
    public static RootCommand Build(Terminal terminal, Func<CancellationToken, Task>? prepareWorker = null) => new("hivemind: lend machines, submit work, get results and credits.")
    {
        new DemoVerb(terminal), new UpVerb(terminal), new SiloVerb(terminal), new MigrateVerb(terminal), new AdminCodeVerb(terminal),
        new RegisterVerb(terminal), new LoginVerb(terminal), new LogoutVerb(terminal), new WhoAmIVerb(terminal),
        new PasswordVerb(terminal), new SessionsVerb(terminal), new SessionEndVerb(terminal), new AdminCommand(terminal),
        new SubmitVerb(terminal), new SubmitManyVerb(terminal), new WatchVerb(terminal), new TasksVerb(terminal), new StatusVerb(terminal),
        new ExplainVerb(terminal), new ResultVerb(terminal), new CancelVerb(terminal), new NodesVerb(terminal), new NodeCordonVerb(terminal),
        new NodeDrainVerb(terminal), new NodeUncordonVerb(terminal), new NodeRemoveVerb(terminal), new NodeTokenVerb(terminal),
        new NodeTokensVerb(terminal), new NodeTokenRevokeVerb(terminal), new StatsVerb(terminal),
        new TopVerb(terminal), new HealthVerb(terminal), new AnalyticsVerb(terminal), new WorkerVerb(terminal, prepareWorker), new CompletionVerb(terminal),
    };

    /// <summary>No response files: an argument of the user's program may begin with '@'.</summary>
    public static ParserConfiguration Parsing { get; } = new() { ResponseFileTokenReplacer = null };

    public static async Task<int> Run(string[] args, Terminal terminal, Func<CancellationToken, Task>? prepareWorker = null)
    {
        var parsed = Build(terminal, prepareWorker).Parse(args, Parsing);
        if (parsed.CommandResult.Command is { } asked && WordsAfter(asked, args) is { } words && OptionCheck.Problem(asked, words) is { } unknown)
        {
            terminal.Message(unknown);
            terminal.Message($"Try: {Launch.Prefix} --help");
            return ExitCodes.Usage;
        }

        if (parsed.Action is ParseErrorAction)
        {
            foreach (var error in parsed.Errors)
            {
                terminal.Message(error.Message);
            }

            terminal.Message($"Try: {Launch.Prefix} --help");
            return ExitCodes.Usage;
        }

        var invocation = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            // The silo has its own handling of signals; the others get time to stop their children.
            ProcessTerminationTimeout = parsed.CommandResult.Command is SiloVerb ? null : TimeSpan.FromSeconds(30),
        };
        using var traces = parsed.CommandResult.Command is Verb verb ? Traces.Start(verb) : null;
        try
        {
            return await parsed.InvokeAsync(invocation);
        }
        catch (CliException failure)
        {
            return terminal.Fail(failure);
        }
        catch (Exception cancelled) when (cancelled is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            return ExitCodes.Interrupted;
        }
        catch (RpcException rpc)
        {
            return terminal.Fail(RpcFailure.Explain(rpc, Verb.HubOf(parsed)));
        }
        catch (Exception local) when (local is IOException or UnauthorizedAccessException)
        {
            return terminal.Fail(new CliException(ExitCodes.Usage, local.Message));
        }
    }

    /// <summary>Null where no verb was named.</summary>
    private static string[]? WordsAfter(Command verb, string[] args)
    {
        var depth = 0;
        for (Symbol? at = verb; at is Command and not RootCommand; at = at.Parents.FirstOrDefault())
        {
            depth++;
        }

        return depth > 0 && depth <= args.Length && args[depth - 1] == verb.Name ? args[depth..] : null;
    }
}
