using HiveMind.Edge;

namespace HiveMind.Tasks;

/// <summary>How many payloads may come in at the same time.</summary>
internal sealed class UploadSlots() : StreamSlots(PerUser, PerSilo, "TOO_MANY_UPLOADS", "uploads")
{
    public const int PerUser = 16, PerSilo = 256;
}

/// <summary>How many outputs may go out at the same time.</summary>
internal sealed class DownloadSlots() : StreamSlots(PerUser, PerSilo, "TOO_MANY_DOWNLOADS", "downloads")
{
    public const int PerUser = 16, PerSilo = 256;
}

/// <summary>How many payloads may go out to machines at the same time, by attempt: one is all that its worker needs, and another after its connection broke.</summary>
internal sealed class FetchSlots() : StreamSlots(PerAttempt, PerSilo, "TOO_MANY_FETCHES", "fetches of one attempt")
{
    public const int PerAttempt = 4, PerSilo = 2000;
}
