namespace HiveMind.Storage;

/// <summary>Size and SHA-256 (64 lower-case hex digits), said before the bytes come.</summary>
public sealed record UploadSpec(long Size, string Sha256);
