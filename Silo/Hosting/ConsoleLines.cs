using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using StackExchange.Redis;

namespace HiveMind.Hosting;

/// <summary>
/// How what is logged stands on stderr: a line each, with the stack of what nobody expected. A store that does not answer is expected, and whoever meets it
/// says so, Orleans too: of that a name is enough.
/// </summary>
internal sealed class ConsoleLines(IServiceProvider services) : ConsoleFormatter(FormatterName)
{
    private const string FormatterName = "hivemind";
    private readonly Lazy<ConsoleFormatter> _simple = new(() => services.GetServices<ConsoleFormatter>().First(formatter => formatter.Name == ConsoleFormatterNames.Simple));

    /// <summary>Messages belong on stderr: what the silo prints on stdout is for people and scripts that start it.</summary>
    public static ILoggingBuilder AddTo(ILoggingBuilder logging) => logging
        .AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss ";
        })
        .AddConsoleFormatter<ConsoleLines, ConsoleFormatterOptions>()
        .AddConsole(console => (console.FormatterName, console.LogToStandardErrorThreshold) = (FormatterName, LogLevel.Trace));

    public override void Write<TState>(in LogEntry<TState> entry, IExternalScopeProvider? scopes, TextWriter output)
    {
        if (Away(entry.Exception) is not { } away)
        {
            _simple.Value.Write(entry, scopes, output);
            return;
        }

        var (error, words) = (entry.Exception, entry.Formatter);
        _simple.Value.Write(new LogEntry<TState>(entry.LogLevel, entry.Category, entry.EventId, entry.State, null,
            (state, _) => $"{words(state, error)} (a store does not answer: {away})"), scopes, output);
    }

    private static string? Away(Exception? error)
    {
        for (; error is not null; error = error.InnerException)
            if (error is RedisException or TimeoutException) return error.GetType().Name;
        return null;
    }
}
