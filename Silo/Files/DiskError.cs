namespace HiveMind.Storage;

internal static class DiskError
{
    /// <summary>A full, missing or broken disk is the files being away. The message names no path: it reaches callers.</summary>
    public static HiveMindException ToFailure(Exception e) =>
        e is FileNotFoundException
        ? HiveMindException.Unavailable("FILE_MISSING", "A stored file is missing.")
        : HiveMindException.Unavailable("FILES_UNAVAILABLE", "The files cannot be used now: the disk is full or away.");
}
