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
        if (words.Length < 6 || !words[5].StartsWith('/') || IsInMemory(words[5]))
            return null;
        var range = words[0].Split('-');
        return range.Length == 2 && Hex(range[0]) is { } from && Hex(range[1]) is { } to && Hex(words[2]) is { } offset && Id(words[3], words[4]) is { } file
            ? new MappedFile(words[0], file, (long)(offset + (to - from)))
            : null;
    }

    /// <summary>A memory file by the name that /proc gives it: memfd, a shared mapping, System V.</summary>
    public static bool IsInMemory(string name) => name.StartsWith("/memfd:", StringComparison.Ordinal)
        || name.StartsWith("/dev/zero (deleted)", StringComparison.Ordinal) || name.StartsWith("/SYSV", StringComparison.Ordinal);

    /// <summary>As /proc/PID/maps and smaps write it: "fe:00" and "131".</summary>
    public static FileId? Id(string device, string number)
    {
        var parts = device.Split(':');
        return parts.Length == 2 && Hex(parts[0]) is { } major && Hex(parts[1]) is { } minor && ulong.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var inode)
            ? new FileId((major << 32) | minor, inode) : null;
    }

    private static ulong? Hex(string text) => ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : null;
}
