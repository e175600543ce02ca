using System.Security.Cryptography;
using System.Text;

namespace HiveMind.Cli;

/// <summary>Tells this machine from another of the same host name. Not the machine's own id, which is nobody's business: a hash of it for this purpose.</summary>
internal static class MachineId
{
    private static readonly string[] Sources = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

    public static string Of(string folder) => Of(Sources, folder);

    /// <summary>Where the machine has no id of its own (a container), one is made up and kept in that folder.</summary>
    internal static string Of(IReadOnlyList<string> sources, string folder) =>
        sources.Select(Read).FirstOrDefault(text => text.Length >= 32) is { } known ? Hash(known) : Hash(Kept(Path.Combine(folder, "machine")));

    private static string Kept(string path)
    {
        if (Read(path) is { Length: > 0 } kept)
        {
            return kept;
        }

        var made = RandomNumberGenerator.GetHexString(32, lowercase: true);
        PrivateFile.Write(path, made);
        return made;
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"hivemind machine\n{text}")))[..32];

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
