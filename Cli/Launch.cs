using System.Diagnostics;

namespace HiveMind.Cli;

/// <summary>How this program was started: what it prints as the next command repeats it, and children are started the same way.</summary>
internal static class Launch
{
    public static string Prefix { get; } = PrefixFor(AppContext.BaseDirectory, Environment.CurrentDirectory);

    /// <summary>From a build folder it was `dotnet run` of the project; from anywhere else it is the installed `hivemind`.</summary>
    public static string PrefixFor(string baseDirectory, string currentDirectory)
    {
        var framework = new DirectoryInfo(Path.TrimEndingDirectorySeparator(baseDirectory));
        var isBuildFolder = framework.Name == "net10.0" && framework.Parent?.Name is "Debug" or "Release"
            && framework.Parent.Parent?.Name == "bin" && framework.Parent.Parent.Parent is not null;
        if (!isBuildFolder)
        {
            return "hivemind";
        }

        var project = Path.GetRelativePath(currentDirectory, framework.Parent!.Parent!.Parent!.FullName);
        return $"dotnet run --project {Quote(project)} --";
    }

    public static string Next(Uri hub, string command)
    {
        var isDefault = hub == HubAddress.Parse(null);
        return isDefault ? $"{Prefix} {command}" : $"{Prefix} {Insert(command, $"--hub {hub.GetLeftPart(UriPartial.Authority)}")}";
    }

    /// <summary>A start of this same program with other arguments.</summary>
    public static ProcessStartInfo Self(IEnumerable<string> arguments)
    {
        var library = typeof(Launch).Assembly.Location;
        var isOwnHost = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "hivemind";
        var start = new ProcessStartInfo(isOwnHost ? Environment.ProcessPath! : DotnetHost()) { UseShellExecute = false };
        foreach (var argument in isOwnHost ? arguments : [library, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        return start;
    }

    // The option goes behind the verb, before anything that may follow a `--`.
    private static string Insert(string command, string option)
    {
        var space = command.IndexOf(' ', StringComparison.Ordinal);
        return space < 0 ? $"{command} {option}" : $"{command[..space]} {option}{command[space..]}";
    }

    private static string DotnetHost() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? Environment.ProcessPath!
            : Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    private static string Quote(string path) => path.Contains(' ', StringComparison.Ordinal) ? $"'{path}'" : path;
}
