namespace HiveMind.Workers.Runs;

/// <summary>The files that a process has open, as /proc lists them.</summary>
internal static class OpenFiles
{
    /// <summary>Paths that lead to the files themselves, also to deleted ones; none for a process that has ended.</summary>
    public static string[] Of(int process)
    {
        try
        {
            return Directory.GetFileSystemEntries($"/proc/{process}/fd");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    public static string? Target(string descriptor)
    {
        try
        {
            return new FileInfo(descriptor).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
