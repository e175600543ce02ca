using System.Diagnostics;

namespace HiveMind.Tests.Processes;

/// <summary>A small disk of its own that can be filled to the last byte: in memory, or ext4 in a file. Needs the right to mount.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string? image;

    private SmallDisk(string path, string? image) => (Path, this.image) = (path, image);

    public string Path { get; }

    private string Ballast => System.IO.Path.Combine(Path, "ballast");

    /// <summary>Null, and why, where it cannot be mounted.</summary>
    public static SmallDisk? TryMount(string kind, int megabytes, string at, out string why)
    {
        Directory.CreateDirectory(at);
        if (kind == "tmpfs")
        {
            why = Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m,mode=0700", "hivemind-test", at);
            return why.Length == 0 ? new SmallDisk(at, null) : null;
        }

        var image = System.IO.Path.GetTempFileName();
        using (var file = File.OpenWrite(image)) file.SetLength((long)megabytes << 20);
        why = Run("mkfs.ext4", "-q", "-F", "-m", "0", image);
        if (why.Length == 0) why = Run("mount", "-o", "loop", image, at);
        if (why.Length == 0) return new SmallDisk(at, image);
        File.Delete(image);
        return null;
    }

    /// <summary>Until not a byte more fits.</summary>
    public void Fill()
    {
        using var file = new FileStream(Ballast, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        for (var size = 1 << 20; size > 0;)
        {
            try
            {
                file.Write(new byte[size]);
            }
            catch (IOException)
            {
                size = size == 1 ? 0 : Math.Max(1, size / 16);
            }
        }
    }

    public void Free() => File.Delete(Ballast);

    public void Dispose()
    {
        Run("umount", "-l", Path);
        if (image is not null) File.Delete(image);
    }

    private static string Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? "" : $"{program}: {error.Trim()}";
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return $"{program}: {missing.Message}";
        }
    }
}
