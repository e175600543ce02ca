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
                return new FileStream(lockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (patience.Elapsed < Patience)
            {
                Thread.Sleep(20);
            }
        }
    }
}
