namespace HiveMind.Edge;

/// <summary>How much memory callers may hold. Those who have not said who they are share a pot of their own: a crowd of them takes nothing from accounts.</summary>
internal sealed class EdgeBudgets(HubOptions options, TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20), StrangersPatience = TimeSpan.FromSeconds(2);

    private readonly ByteBudget _known = new((long)options.Edge.MessagesMb << 20, (long)options.Edge.MessagesMbPerAccount << 20, Patience, time);
    private readonly ByteBudget _strangers = new(Limits.StrangersBytes, Limits.StrangersBytes / 8, StrangersPatience, time);

    public LargeArrays Arrays { get; } = new();

    /// <summary>Answers that a caller may be slow to read.</summary>
    public ByteBudget Answers { get; } = new(Limits.AnswersBytes, Limits.AnswersBytes / 4, Patience, time);

    /// <summary>The same of those whose length is known only when they are made.</summary>
    public ByteBudget Lists { get; } = new(Limits.ListsBytes, Limits.ListsBytesOfOne, Patience, time);

    public ByteBudget OfMessages(CallIdentity? caller) => caller is null && options.Auth.Mode != AuthMode.Open ? _strangers : _known;
}
