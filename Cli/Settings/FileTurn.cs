using System.Diagnostics;

namespace HiveMind.Cli;

/// <summary>Several of us change a file in turns: whoever holds the lock file beside it.</summary>
internal static class FileTurn
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static FileStream Take(string lockFile)
    {
        var patience = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
                if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
                return new FileStream(lockFile, options);
            }
            catch (IOException) when (patience.Elapsed < Patience)
            {
                Thread.Sleep(20);
            }
        }
    }
}
