using System.Diagnostics;
using HiveMind.Cli;
using HiveMind.Configuration;
using HiveMind.Tests.Processes;
using HiveMind.Workers;
using Microsoft.Extensions.Configuration;

namespace HiveMind.Tests.Deploy;

/// <summary>The units say only what the program understands.</summary>
public sealed class SystemdUnitTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "deploy", "systemd");

    [Theory]
    [InlineData("hivemind-silo.service")]
    [InlineData("hivemind-worker.service")]
    public void ExecStart_VerbAndOptions_Exist(string unit)
    {
        var words = Assert.Single(Values(unit, "ExecStart")).Split(' ');
        var verb = Assert.Single(App.Build(new Terminal(TextWriter.Null, TextWriter.Null)).Subcommands, verb => verb.Name == words[1]);

        var options = words.Where(word => word.StartsWith("--", StringComparison.Ordinal));

        Assert.Empty(options.Except(verb.Options.Select(option => option.Name)));
    }

    [Fact]
    public void Silo_EverySettingNamed_IsOne()
    {
        var lines = File.ReadAllLines(Path.Combine(Folder, "silo.env")).Select(line => line.TrimStart('#', ' ')).Concat(Values("hivemind-silo.service", "Environment"));
        var settings = lines.Where(line => line.StartsWith("HiveMind__", StringComparison.Ordinal)).Select(line => line.Split('=')[0].Replace("__", ":")).ToList();
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.Select(name => KeyValuePair.Create(name, (string?)"1"))).Build();

        var (_, problems) = SiloConfiguration.Read(configuration, _ => null);

        Assert.Contains("HiveMind:Grpc:Lan", settings);
        Assert.DoesNotContain(problems, problem => problem.Contains("is no setting", StringComparison.Ordinal));
    }

    [Fact]
    public void Restart_WhatTryingAgainDoesNotMend_EndsTheService()
    {
        var (silo, worker) = (Codes("hivemind-silo.service"), Codes("hivemind-worker.service"));

        Assert.Equal([SiloHost.BadConfiguration], silo);
        Assert.Equal([WorkerExit.Usage, WorkerExit.NotKnown, WorkerExit.AlreadyRunning, SiloHost.BadConfiguration], worker);
    }

    [Fact]
    public async Task Units_SystemdItself_AcceptsThem()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/systemd-analyze"), "systemd is not installed");
        var copies = Directory.CreateTempSubdirectory("hivemind-units-").FullName;
        try
        {
            var units = Directory.GetFiles(Folder, "*.service").Select(unit =>
            {
                var copy = Path.Combine(copies, Path.GetFileName(unit));
                // The program is not installed here, and systemd looks for it.
                File.WriteAllText(copy, File.ReadAllText(unit).Replace("/usr/local/bin/hivemind", "/bin/true", StringComparison.Ordinal));
                return copy;
            });

            using var verify = Process.Start(new ProcessStartInfo("/usr/bin/systemd-analyze", ["verify", "--man=no", .. units]) { RedirectStandardError = true })!;
            var said = await verify.StandardError.ReadToEndAsync();
            await verify.WaitForExitAsync();

            Assert.Equal(("", 0), (said, verify.ExitCode));
        }
        finally
        {
            Directory.Delete(copies, recursive: true);
        }
    }

    private static IEnumerable<int> Codes(string unit) =>
        Assert.Single(Values(unit, "RestartPreventExitStatus")).Split(' ').Select(code => int.Parse(code, System.Globalization.CultureInfo.InvariantCulture));

    private static IEnumerable<string> Values(string unit, string key) => File.ReadAllLines(Path.Combine(Folder, unit))
        .Where(line => line.StartsWith($"{key}=", StringComparison.Ordinal)).Select(line => line[(key.Length + 1)..]);
}
