using System.IO.Compression;
using System.Text.Json;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// An ended task as the database keeps it: its snapshot as JSON, packed by Brotli, as base64 behind the number of this layout. Stored: never change a layout;
/// fields are appended, and a golden record in the tests stays readable.
/// </summary>
internal static class EndedRecord
{
    private const string Layout1 = "1:";

    public static string Write(TaskSnapshot task)
    {
        using var packed = new MemoryStream(1024);
        using (var pack = new BrotliStream(packed, CompressionLevel.Fastest, leaveOpen: true)) JsonSerializer.Serialize(pack, task);
        return Layout1 + Convert.ToBase64String(packed.GetBuffer(), 0, (int)packed.Length);
    }

    public static TaskSnapshot Read(string record)
    {
        if (!record.StartsWith(Layout1, StringComparison.Ordinal))
            throw new InvalidDataException($"A record of an ended task has the layout {record.AsSpan(0, Math.Min(4, record.Length))}…; this program knows {Layout1} only.");
        using var packed = new MemoryStream(Convert.FromBase64String(record[Layout1.Length..]));
        using var unpack = new BrotliStream(packed, CompressionMode.Decompress);
        return JsonSerializer.Deserialize<TaskSnapshot>(unpack) ?? throw new InvalidDataException("A record of an ended task is empty.");
    }
}
