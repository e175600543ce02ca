using System.Security.Cryptography;
using HiveMind.Hosting;

namespace HiveMind.Cli;

/// <summary>How a silo that we started fares.</summary>
internal interface ISiloChild
{
    /// <summary>It said itself that it serves, and where. Never completes where it did not.</summary>
    Task<ReadyLine> Ready { get; }

    Task<SiloEnd> Ended { get; }

    /// <summary>What it said so far.</summary>
    string Tail { get; }
}

/// <summary>How a silo ended, and what it said last.</summary>
internal sealed record SiloEnd(int ExitCode, string Tail)
{
    private const string Name = "hivemind: ";

    /// <summary>An end that nobody asked for. Its own words where it has some, else all that it printed.</summary>
    public CliException Failure(string what)
    {
        var said = Tail.Split('\n').LastOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
        return new CliException(ExitCode == 0 ? ExitCodes.Usage : ExitCode, $"{what}: {said?[Name.Length..] ?? $"exit code {ExitCode}\n{Tail}"}", "SILO_ENDED");
    }
}

/// <summary>A silo of ours, known by a word that it was given: what answers at its port may be another's.</summary>
internal sealed class SiloChild : ISiloChild, IAsyncDisposable
{
    private readonly TaskCompletionSource<ReadyLine> ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SiloChild(string name, IReadOnlyList<string> arguments, Action<System.Diagnostics.ProcessStartInfo>? configure, Action<string>? onLine)
    {
        var word = RandomNumberGenerator.GetHexString(32, lowercase: true);
        Process = ChildProcess.Start(name, arguments, start =>
        {
            configure?.Invoke(start);
            start.Environment[ReadyLine.Variable] = word;
        }, line =>
        {
            if (ReadyLine.Parse(line, word) is { } said) ready.TrySetResult(said);
            else onLine?.Invoke(line);
        });
        Ended = WhenEnded();
    }

    public ChildProcess Process { get; }
    public Task<ReadyLine> Ready => ready.Task;
    public Task<SiloEnd> Ended { get; }
    public string Tail => Process.Tail();

    public static SiloChild Start(
        string name, IReadOnlyList<string> arguments, Action<System.Diagnostics.ProcessStartInfo>? configure = null, Action<string>? onLine = null) =>
        new(name, arguments, configure, onLine);

    /// <summary>Does something at the silo only as long as it lives: after it, its port may be another's.</summary>
    public static async Task<T> WhileAlive<T>(ISiloChild silo, Func<CancellationToken, Task<T>> work, CancellationToken stop)
    {
        using var alive = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var working = work(alive.Token);
        if (await Task.WhenAny(working, silo.Ended) == working && !silo.Ended.IsCompleted)
        {
            return await working;
        }

        await alive.CancelAsync();
        await ((Task)working).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        throw (await silo.Ended).Failure("The silo ended as soon as it had started");
    }

    public ValueTask DisposeAsync() => Process.DisposeAsync();

    private async Task<SiloEnd> WhenEnded()
    {
        await Process.WaitForExit(CancellationToken.None); // and all that it printed is here
        return new SiloEnd(Process.ExitCode, Process.Tail());
    }
}
