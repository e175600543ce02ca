using System.Security.Cryptography;
using HiveMind.Configuration;
using HiveMind.Storage;

namespace HiveMind.Clustering;

/// <summary>What the silos of one pool know and nobody else: given, in a file that is named, or in one beside the database that the first silo makes.</summary>
internal static class PoolSecret
{
    public const string DefaultFile = "cluster-secret";
    public const string Rule = "must be at least 32 characters that nobody can guess; make one with: openssl rand -base64 32";
    private const int LeastLength = 32, LeastDifferent = 12;
    private const UnixFileMode Forbidden = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite;
    private static readonly TimeSpan HalfWritten = TimeSpan.FromSeconds(5);

    /// <summary>A stranger who calls a silo is shown a certificate by which he can try secrets at home: it must not be worth trying.</summary>
    public static bool IsStrong(string secret) => secret.Length >= LeastLength && secret.Distinct().Count() >= LeastDifferent;

    /// <summary>StartRefused where there is none, or one that others know or could guess.</summary>
    public static string Read(PoolOptions options)
    {
        if (options.Cluster.Secret.Length > 0) return options.Cluster.Secret;
        if (options.Cluster.SecretFile.Length > 0) return OfFile(options.Cluster.SecretFile);
        var beside = Path.Combine(Path.GetDirectoryName(DatabaseLocation.FindFile(options.Books.ConnectionString, options.DataDirectory))!, DefaultFile);
        Make(beside);
        return OfFile(beside);
    }

    /// <summary>Whoever can list processes can read their command lines.</summary>
    public static void RefuseOnCommandLine(IEnumerable<string> arguments)
    {
        if (arguments.Any(word => word.Contains($"{PoolOptions.Section}:Cluster:Secret=", StringComparison.OrdinalIgnoreCase)
            || word.EndsWith($"{PoolOptions.Section}:Cluster:Secret", StringComparison.OrdinalIgnoreCase)))
            throw new StartRefusedException($"{PoolOptions.Section}:Cluster:Secret stands on the command line, where every user of the machine can read it: "
                + "give it in the environment (HiveMind__Cluster__Secret) or in a file (Cluster:SecretFile), and make a new one.");
    }

    private static void Make(string file)
    {
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using var stream = new FileStream(file, options);
            stream.Write(System.Text.Encoding.ASCII.GetBytes(Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)) + '\n'));
            stream.Flush(flushToDisk: true);
        }
        catch (IOException) when (File.Exists(file))
        {
            // Another silo was first.
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            if (DiskError.IsFull(error)) throw new StoreAwayException($"The cluster's secret cannot be kept in {file}: its disk is full. Make room there.");
            throw new StartRefusedException($"The cluster's secret cannot be kept in {file}: {error.Message} Name another file with Cluster:SecretFile.");
        }
    }

    private static string OfFile(string file)
    {
        try
        {
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & Forbidden) != 0)
                throw new StartRefusedException($"The cluster's secret {file} can be read or changed by others: chmod 600 {file}, and make a new one if others may have read it.");
            // The silo that makes it may not be done; of a file that somebody made by hand the end of the line may be missing.
            for (var tries = 0; ; tries++)
            {
                var text = File.ReadAllText(file);
                if (IsStrong(text.Trim()) && (text.EndsWith('\n') || tries > 2)) return text.Trim();
                if (tries * 100 > HalfWritten.TotalMilliseconds) throw new StartRefusedException($"The cluster's secret in {file} {Rule} > {file}");
                Thread.Sleep(100);
            }
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new StartRefusedException($"The cluster's secret {file} does not exist. Make it once and give it to every silo of the pool: openssl rand -base64 32 > {file}; chmod 600 {file}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException($"The cluster's secret {file} cannot be read: {error.Message}");
        }
    }
}
