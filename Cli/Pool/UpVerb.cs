using System.CommandLine;
using HiveMind.Configuration;

namespace HiveMind.Cli;

/// <summary>`up`: a hub and a worker of this machine, in one terminal.</summary>
internal sealed class UpVerb : Verb
{
    private readonly Option<bool> lan = new(SiloConfiguration.LanFlag)
    {
        Description = "Let other machines join: listen on all addresses, with TLS by a certificate of the hub's own.",
    };
    private readonly Argument<string[]> settings = new("SETTING")
    {
        Description = "Configuration of the silo, like --HiveMind:Grpc:Port=50052.", Arity = ArgumentArity.ZeroOrMore,
    };

    public UpVerb(Terminal terminal) : base("up", "Run a hub and lend this machine to it.", terminal)
    {
        Add(lan);
        Add(settings);
        TreatUnmatchedTokensAsErrors = false;
    }

    /// <summary>What is not ours is the silo's, in the order it was written.</summary>
    public static string[] Settings(ParseResult parsed) =>
        [.. parsed.Tokens.Select(token => token.Value).SkipWhile(word => word == "up").Where(word => word != "--json")];

    protected override async Task<int> Run(ParseResult parsed, CancellationToken cancel)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var signals = StopSignals.Watch(ending.Cancel);
        var stop = ending.Token;
        if (parsed.GetValue(Hub) is not null)
        {
            throw CliException.Usage("`up` starts its own hub: set where with --HiveMind:Grpc:Host= and --HiveMind:Grpc:Port=.");
        }

        var arguments = Settings(parsed);
        var pool = PoolSettings.Read(arguments);
        await using var silo = SiloChild.Start("silo", ["silo", .. arguments], onLine: line => Terminal.Message($"silo   | {line}"));
        var ready = await HubReadiness.Wait(silo, stop);
        var hub = ready.Hub;
        pool = pool with { Hub = hub, Http = ready.Http };
        var sessions = new SessionFile(UserFolders.Config);
        var account = new LocalAccount(pool.DataDirectory, pool.DatabaseFile);
        var session = await SiloChild.WhileAlive(silo, alive => account.EnsureLogin(hub, sessions, new KnownHubs(UserFolders.Config), alive), stop);
        await using var worker = ChildProcess.Start(
            "worker", ["worker", "--hub", HubAddress.Full(hub)], onLine: line => Terminal.Message($"worker | {line}"));
        Announce(pool, session);
        return await UntilOneEnds(silo.Process, worker, stop);
    }

    private void Announce(PoolSettings pool, StoredSession session)
    {
        var text = $"""
            hub      {HubAddress.Key(pool.Hub)}
            page     {HubAddress.Key(pool.Http)}/
            health   {HubAddress.Key(pool.Http)}/readyz
            data     {pool.DataDirectory}
            account  {session.Username} (logged in)
            """;
        Terminal.Result(text, new
        {
            Hub = HubAddress.Key(pool.Hub), Http = HubAddress.Key(pool.Http), pool.DataDirectory, session.Username, session.UserId,
        });
        Terminal.Hint("In another terminal:");
        Terminal.Hint($"  {Launch.Next(pool.Hub, "submit -c 'print(6*7)' --wait")}");
        Terminal.Hint($"  {Launch.Next(pool.Hub, "nodes")}");
        Terminal.Hint("Ctrl-C stops both.");
    }

    private async Task<int> UntilOneEnds(ChildProcess silo, ChildProcess worker, CancellationToken stop)
    {
        try
        {
            await await Task.WhenAny(silo.WaitForExit(stop), worker.WaitForExit(stop));
        }
        catch (OperationCanceledException)
        {
            Terminal.Hint("Stopping.");
            return ExitCodes.Ok;
        }

        if (stop.IsCancellationRequested)
        {
            return ExitCodes.Ok;
        }

        var ended = silo.HasExited ? silo : worker;
        Terminal.Message($"The {ended.Name} ended with exit code {ended.ExitCode}.");
        return ended.ExitCode == 0 ? ExitCodes.Ok : ended.ExitCode;
    }
}
