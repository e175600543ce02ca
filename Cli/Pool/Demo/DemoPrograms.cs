using System.IO.Compression;
using System.Text.Json;
using Google.Protobuf;

namespace HiveMind.Cli;

/// <summary>The two Python programs of the demo, and what they print.</summary>
internal static class DemoPrograms
{
    /// <summary>Counts one chunk, which travels inside the program.</summary>
    public static ByteString Count(byte[] text)
    {
        using var packed = new MemoryStream();
        using (var pack = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            pack.Write(text);
        }

        var data = Convert.ToBase64String(packed.GetBuffer().AsSpan(0, (int)packed.Length));
        return ByteString.CopyFromUtf8(Source("count_words.py").Replace("@DATA@", data, StringComparison.Ordinal));
    }

    /// <summary>Sums what the counting tasks printed.</summary>
    public static ByteString Sum() => ByteString.CopyFromUtf8(Source("sum_counts.py"));

    public static long WordsOf(ByteString printed)
    {
        using var json = JsonDocument.Parse(printed.Memory);
        return json.RootElement.GetProperty("words").GetInt64();
    }

    private static string Source(string name)
    {
        var resource = typeof(DemoPrograms).Assembly.GetManifestResourceNames().Single(full => full.EndsWith(name, StringComparison.Ordinal));
        using var reader = new StreamReader(typeof(DemoPrograms).Assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }
}
