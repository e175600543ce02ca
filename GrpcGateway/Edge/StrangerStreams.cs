namespace HiveMind.Edge;

/// <summary>Streams that need no token (of health, of reflection) stay open as long as their caller likes: so many of one address.</summary>
internal sealed class StrangerStreams() : StreamSlots(PerAddress, PerSilo, "TOO_MANY_STREAMS", "streams without a token")
{
    public const int PerAddress = 50, PerSilo = 1000;
}
