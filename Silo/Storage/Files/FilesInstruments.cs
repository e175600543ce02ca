using System.Diagnostics.Metrics;
using static HiveMind.Monitoring.HubTelemetry;

namespace HiveMind.Storage;

/// <summary>Bytes of payloads and outputs that are files; what is small travels in the records and is not counted here.</summary>
internal static class FilesInstruments
{
    private static readonly Counter<long> WrittenBytes = Figures.CreateCounter<long>("hivemind.files.written", "By", "Bytes of payloads and outputs kept as files.");
    private static readonly Counter<long> ReadBytes = Figures.CreateCounter<long>("hivemind.files.read", "By", "Bytes of files opened to be read.");

    private static readonly Counter<long> DamagedFiles = Figures.CreateCounter<long>(
        "hivemind.files.damaged", "{read}", "Reads of stored files whose bytes are no longer what was accepted: look at the disk.");

    public static void Announce()
    {
        DamagedFiles.Add(0);
        WrittenBytes.Add(0);
        ReadBytes.Add(0);
    }

    public static void Written(long bytes) => WrittenBytes.Add(bytes);

    public static void FoundDamaged() => DamagedFiles.Add(1);

    public static void Opened(long bytes) => ReadBytes.Add(bytes);
}
