namespace HiveMind.Storage;

internal static class DiskError
{
    /// <summary>A full, missing or broken disk is the files being away. The message names no path: it reaches callers.</summary>
    public static HiveMindException ToFailure(Exception e) =>
        HiveMindException.Unavailable("FILES_UNAVAILABLE", e is FileNotFoundException or DirectoryNotFoundException
            ? "A stored file is missing." : "The files cannot be used now: the disk is full or away.");
}
