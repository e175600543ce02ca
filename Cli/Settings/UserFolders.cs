namespace HiveMind.Cli;

/// <summary>Where a user's own files lie (XDG base directories).</summary>
internal static class UserFolders
{
    public static string Config => Path.Combine(Base("XDG_CONFIG_HOME", ".config"), "hivemind");
    public static string Data => Path.Combine(Base("XDG_DATA_HOME", Path.Combine(".local", "share")), "hivemind");

    private static string Base(string variable, string underHome) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } named && Path.IsPathRooted(named)
            ? named
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), underHome);
}
