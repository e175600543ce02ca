namespace HiveMind.Rewards;

/// <summary>Micro-credits: a millionth of a credit, so that sums are exact.</summary>
public static class Credits
{
    public const long Micro = 1_000_000;
    /// <summary>The most that one posting may move.</summary>
    public const long MostMicros = 1_000_000_000_000_000;
    public static double ToCredits(long micros) => micros / (double)Micro;
}
