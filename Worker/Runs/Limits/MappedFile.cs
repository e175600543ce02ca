using System.Globalization;

namespace HiveMind.Workers.Runs;

/// <summary>A file that a process has mapped, as a line of /proc/PID/maps tells it.</summary>
internal readonly record struct MappedFile(string Range, FileId File, long EndOfFile)
{
    private const string Deleted = " (deleted)";

    /// <summary>Those that have no name any more; null for all others, and for memory that only looks like a file.</summary>
    public static MappedFile? OfDeleted(string line)
    {
        // 7f1c00000000-7f1c00001000 rw-s 00000000 fe:00 131 /path, which may hold anything, also spaces.
        if (!line.EndsWith(Deleted, StringComparison.Ordinal))
            return null;
        var words = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 6 || !words[5].StartsWith('/') || words[5].StartsWith("/memfd:", StringComparison.Ordinal)
            || words[5].StartsWith("/dev/zero", StringComparison.Ordinal) || words[5].StartsWith("/SYSV", StringComparison.Ordinal))
            return null;
        var range = words[0].Split('-');
        var device = words[3].Split(':');
        return range.Length == 2 && device.Length == 2 && Hex(range[0]) is { } from && Hex(range[1]) is { } to && Hex(words[2]) is { } offset
            && Hex(device[0]) is { } major && Hex(device[1]) is { } minor && ulong.TryParse(words[4], CultureInfo.InvariantCulture, out var inode)
            ? new MappedFile(words[0], new FileId((major << 32) | minor, inode), (long)(offset + (to - from)))
            : null;
    }

    private static ulong? Hex(string text) => ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : null;
}
