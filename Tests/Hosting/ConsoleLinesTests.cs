using HiveMind.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using StackExchange.Redis;

namespace HiveMind.Tests.Hosting;

/// <summary>What Orleans and others log, as it stands on the console.</summary>
public sealed class ConsoleLinesTests
{
    public static TheoryData<Exception> Away =>
        [new RedisTimeoutException("Timeout awaiting response (…)", CommandStatus.Sent), new InvalidOperationException("it failed", new TimeoutException("5 s"))];

    [Theory]
    [MemberData(nameof(Away), DisableDiscoveryEnumeration = true)]
    public void Write_AStoreDoesNotAnswer_IsOneLineWithoutAStack(Exception away)
    {
        var line = Line(away);
        Assert.Matches(@"^\d\d:\d\d:\d\d fail: Orleans\.Some\[7\] It did not work. \(a store does not answer: (Redis)?TimeoutException\)\r?\n$", line);
    }

    [Fact]
    public void Write_SomethingUnexpected_HasItsStack() => Assert.Contains("   at HiveMind.Tests.Hosting.ConsoleLinesTests", Line(new InvalidOperationException("nobody thought of it")), StringComparison.Ordinal);

    private static string Line(Exception error)
    {
        try
        {
            throw error;
        }
        catch (Exception thrown) when (ReferenceEquals(thrown, error))
        {
            using var services = new ServiceCollection().AddLogging(logging => ConsoleLines.AddTo(logging)).BuildServiceProvider();
            var formatter = services.GetServices<ConsoleFormatter>().OfType<ConsoleLines>().Single();
            using var output = new StringWriter();
            formatter.Write(new LogEntry<string>(LogLevel.Error, "Orleans.Some", 7, "It did not work.", thrown, (state, _) => state), null, output);
            return output.ToString();
        }
    }
}
