using Orleans.Concurrency;

namespace HiveMind.Tasks;

/// <summary>Bytes: inline up to 4 KiB, else a file addressed by its SHA-256 (lower-case hex).</summary>
[GenerateSerializer, Alias("HiveMind.BlobRef"), Immutable]
public sealed record BlobRef([property: Id(0)] long Size, [property: Id(1)] string Sha256, [property: Id(2)] byte[]? Inline)
{
    public const int InlineLimit = 4096;
    public static readonly BlobRef Empty = new(0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", []);
}
