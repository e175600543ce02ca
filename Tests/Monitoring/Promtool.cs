using System.Diagnostics;

namespace HiveMind.Tests.Monitoring;

/// <summary>Prometheus' own checker, of Debian's package prometheus.</summary>
internal static class Promtool
{
    private static string? Program => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, "promtool")).FirstOrDefault(File.Exists);

    public static async Task<(int ExitCode, string Said)> Run(string input, params string[] arguments)
    {
        Assert.SkipUnless(Program is not null, "promtool (package prometheus) is not on the PATH");
        var start = new ProcessStartInfo(Program!, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await errors);
    }
}
