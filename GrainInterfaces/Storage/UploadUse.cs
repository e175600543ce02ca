namespace HiveMind.Storage;

public sealed record UploadUse(int Count, long Bytes);
