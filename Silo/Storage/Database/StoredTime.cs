namespace HiveMind.Storage;

/// <summary>Milliseconds of the database as moments. What is no moment, by somebody's hand or by damage, must not fail the page that it stands on.</summary>
internal static class StoredTime
{
    private static readonly long First = DateTimeOffset.MinValue.ToUnixTimeMilliseconds(), Last = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    public static bool IsOne(long ms) => ms >= First && ms <= Last;

    /// <summary>The nearest that there is.</summary>
    public static DateTimeOffset Of(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(ms, First, Last));
}
