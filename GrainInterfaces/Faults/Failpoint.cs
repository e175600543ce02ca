using System.Diagnostics;

namespace HiveMind.Faults;

/// <summary>
/// Named places beside every durable write where a test lets the process die as by kill -9. One is armed by the environment
/// variable HIVEMIND_FAILPOINT=name or name:n (the n-th time it is passed). Not armed, a pass costs one comparison.
/// </summary>
public static class Failpoint
{
    private static readonly (string? Name, int At) Armed = Parse(Environment.GetEnvironmentVariable("HIVEMIND_FAILPOINT"));
    private static int _passes;

    public static void Hit(string name)
    {
        if (Armed.Name is null || Armed.Name != name || Interlocked.Increment(ref _passes) != Armed.At) return;
        Process.GetCurrentProcess().Kill();
        Thread.Sleep(Timeout.Infinite); // the signal is on its way: nothing behind this line may happen
    }

    private static (string?, int) Parse(string? text)
    {
        if (string.IsNullOrEmpty(text)) return (null, 0);
        var parts = text.Split(':', 2);
        return (parts[0], parts.Length == 2 ? int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture) : 1);
    }
}
