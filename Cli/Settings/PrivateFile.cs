namespace HiveMind.Cli;

/// <summary>Files with secrets: only their owner may read them (0600), and a reader never sees half of one.</summary>
internal static class PrivateFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public static void Write(string path, string text)
    {
        CreateFolder(Path.GetDirectoryName(path)!);
        var draft = $"{path}.{Environment.ProcessId}.tmp";
        File.Delete(draft);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var writer = new StreamWriter(draft, options))
        {
            writer.Write(text);
        }

        File.Move(draft, path, overwrite: true);
    }

    /// <summary>One of our own folders: 0700, also where an older version or another umask made it wider.</summary>
    public static void OwnFolder(string folder)
    {
        CreateFolder(folder);
        if (OperatingSystem.IsWindows()) return;
        try
        {
            if (File.GetUnixFileMode(folder) != OwnerOnly) File.SetUnixFileMode(folder, OwnerOnly);
        }
        catch (UnauthorizedAccessException)
        {
            // another's: the files in it are 0600 all the same
        }
    }

    private static void CreateFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, OwnerOnly);
        }
    }
}
