namespace HiveMind.Storage;

/// <summary>
/// Directories that hold what their owner alone may read: payloads, results, tokens, hashes of passwords. Made 0700 whatever the umask is;
/// one that is there already and is open to others is closed where it is ours, else refused.
/// </summary>
public static class PrivateDirectory
{
    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite, OwnerFolder = OwnerFile | UnixFileMode.UserExecute;

    /// <summary>Whatever this process makes from now on is its user's alone: files that libraries make too.</summary>
    public static void MakePrivateByDefault() => NativeFiles.MakePrivateByDefault();

    /// <summary>
    /// For a directory of our own. <paramref name="isVolume"/>: one that somebody else made for us may be open to its group, which is how
    /// volumes are handed to a service; to everybody it may not.
    /// </summary>
    /// <exception cref="StartRefusedException">It is open to others and cannot be closed.</exception>
    public static void Ensure(string directory, string what, bool isVolume = false)
    {
        Make(directory);
        if (!NativeFiles.Works || FileStatus.Of(directory) is not { } status) return;
        if (!status.IsShared) return;
        if (status.Owner != NativeFiles.EffectiveUser)
        {
            if (isVolume && !status.IsOpenToOthers) return;
            throw new StartRefusedException(
                $"{what} {directory} belongs to another user and others can read it: close it (chmod 700, or 770 where it is yours by its group), or name another directory.");
        }
        if (IsEverybodys(directory, status))
        {
            throw new StartRefusedException($"{what} {directory} is everybody's, and would be closed to others: name a directory below it.");
        }
        Close(directory, OwnerFolder, what);
    }

    /// <summary>Makes it 0700 where it is missing; what is there already is left alone.</summary>
    public static void Make(string directory)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(directory);
        else Directory.CreateDirectory(directory, OwnerFolder);
    }

    /// <summary>For a file that may lie among others' (a database elsewhere): closed to all but its owner; the directory around it is left alone.</summary>
    public static void CloseFile(string path, string what)
    {
        if (!NativeFiles.Works || FileStatus.Of(path) is not { IsShared: true } status) return;
        if (status.Owner != NativeFiles.EffectiveUser)
            throw new StartRefusedException($"{what} {path} belong to another user and others can read them: close them (chmod 600).");
        Close(path, OwnerFile, what);
    }

    private static void Close(string path, UnixFileMode mode, string what)
    {
        try
        {
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, mode);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException($"{what} {path} can be read by others and cannot be closed to them: {e.Message}");
        }
    }

    /// <summary>`/`, a temporary directory of all, or a folder of the system's root that holds other things: closing it would lock others out.</summary>
    private static bool IsEverybodys(string directory, FileStatus status)
    {
        if ((status.Mode & UnixFileMode.StickyBit) != 0) return true;
        var parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)));
        return parent is null || (parent == "/" && Directory.EnumerateFileSystemEntries(directory).Any(entry => !IsOurs(entry)));
    }

    private static bool IsOurs(string entry) => Path.GetFileName(entry) is "lock" or "floor" or "files" or "books.db" or "hivemind" or "files_id" or "lost+found";
}
