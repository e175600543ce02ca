using System.Diagnostics;

namespace HiveMind.Cli;

/// <summary>How this program was started: what it prints as the next command repeats it, and children are started the same way.</summary>
internal static class Launch
{
    private const string Name = "hivemind";

    public static string Prefix { get; } = PrefixFor(
        AppContext.BaseDirectory, Environment.CurrentDirectory, IsOwnHost ? Environment.ProcessPath : null, Environment.GetEnvironmentVariable("PATH"));

    private static string Library => Path.Combine(AppContext.BaseDirectory, $"{Name}.dll");

    /// <summary>Whether this process is our own program (a single file, a tool's shim, a build's host), not `dotnet` with our library.</summary>
    private static bool IsOwnHost => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == Name || !File.Exists(Library);

    /// <summary>
    /// From a build folder it was `dotnet run` of the project; from anywhere else the program itself: by its name where the search path leads to
    /// it, else by its path.
    /// </summary>
    public static string PrefixFor(string baseDirectory, string currentDirectory, string? program = null, string? searchPath = null)
    {
        var framework = new DirectoryInfo(Path.TrimEndingDirectorySeparator(baseDirectory));
        var isBuildFolder = framework.Name == "net10.0" && framework.Parent?.Name is "Debug" or "Release"
            && framework.Parent.Parent?.Name == "bin" && framework.Parent.Parent.Parent is not null;
        if (!isBuildFolder)
        {
            return program is null || IsOnPath(program, searchPath) ? Name : Quote(Shortest(program, currentDirectory));
        }

        var project = Path.GetRelativePath(currentDirectory, framework.Parent!.Parent!.Parent!.FullName);
        return $"dotnet run --project {Quote(project)} --";
    }

    public static string Next(Uri hub, string command)
    {
        var isDefault = HubAddress.Full(hub) == HubAddress.Full(HubAddress.Parse(null));
        var known = new KnownHubs(UserFolders.Config).Knows(hub);
        var address = HubAddress.Quoted(known ? HubAddress.Key(hub) : HubAddress.Full(hub));
        return isDefault ? $"{Prefix} {command}" : $"{Prefix} {Insert(command, HubAddress.IsPrivate(hub) ? $"--hub {address}" : $"--hub {address} --insecure")}";
    }

    /// <summary>A start of this same program with other arguments.</summary>
    public static ProcessStartInfo Self(IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(IsOwnHost ? Environment.ProcessPath! : DotnetHost()) { UseShellExecute = false };
        foreach (var argument in IsOwnHost ? arguments : [Library, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        return start;
    }

    // The option goes behind the verb, before anything that may follow a `--`.
    private static string Insert(string command, string option)
    {
        var space = command.IndexOf(' ', command.StartsWith($"{AdminCommand.Word} ", StringComparison.Ordinal) ? AdminCommand.Word.Length + 1 : 0);
        return space < 0 ? $"{command} {option}" : $"{command[..space]} {option}{command[space..]}";
    }

    private static bool IsOnPath(string program, string? searchPath) =>
        Path.GetFileNameWithoutExtension(program) == Name
        && (searchPath ?? "").Split(Path.PathSeparator).Where(folder => folder.Length > 0).Select(folder => Path.GetFullPath(Path.Combine(folder, Name)))
            .FirstOrDefault(File.Exists) is { } first
        && (File.ResolveLinkTarget(first, returnFinalTarget: true)?.FullName ?? first) == program;

    // "./hivemind" from its own folder, the whole path from elsewhere.
    private static string Shortest(string program, string currentDirectory)
    {
        var relative = Path.GetRelativePath(currentDirectory, program);
        return relative.StartsWith("..", StringComparison.Ordinal) || Path.IsPathRooted(relative) ? program : Path.Combine(".", relative);
    }

    private static string DotnetHost() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? Environment.ProcessPath!
            : Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    private static string Quote(string path) => path.Contains(' ', StringComparison.Ordinal) ? $"'{path}'" : path;
}
