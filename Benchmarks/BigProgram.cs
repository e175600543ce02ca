using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace HiveMind.Benchmarks;

/// <summary>A Python program of any size that prints itself: random bytes with a zip archive behind them, which Python runs as it is.</summary>
public static class BigProgram
{
    private const string Code = """
        import sys
        with open(sys.argv[0], "rb") as me:
            while chunk := me.read(1 << 16):
                sys.stdout.buffer.write(chunk)
        """;

    /// <summary>The SHA-256 of what it wrote: of the program, and so of its output.</summary>
    public static string Write(string path, long bytes, Random chance)
    {
        using (var file = File.Create(path))
        {
            var buffer = new byte[1 << 20];
            for (var left = bytes; left > 0; left -= buffer.Length)
            {
                chance.NextBytes(buffer);
                file.Write(buffer, 0, (int)Math.Min(buffer.Length, left));
            }

            var archive = new MemoryStream();
            using (var zip = new ZipArchive(archive, ZipArchiveMode.Create, leaveOpen: true))
            using (var main = zip.CreateEntry("__main__.py", CompressionLevel.NoCompression).Open())
                main.Write(Encoding.UTF8.GetBytes(Code));
            file.Write(archive.ToArray());
        }

        using var written = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(written));
    }
}
