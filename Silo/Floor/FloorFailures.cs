using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>A floor that is away means: outcome unknown, try again.</summary>
public static class FloorFailures
{
    public const string Reason = "FLOOR_UNAVAILABLE";

    public static HiveMindException Unavailable(Exception cause) =>
        HiveMindException.Unavailable(Reason, cause is FloorError { IsFull: true }
        ? "The floor's disk is full: nothing was changed." : $"The floor did not answer: {cause.GetType().Name}.");

    public static HiveMindException Closed() => HiveMindException.Unavailable(Reason, "The floor is closed.");

    public static async Task<T> Guard<T>(Task<T> call)
    {
        try
        {
            return await call;
        }
        catch (Exception e) when (IsOutage(e))
        {
            throw Unavailable(e);
        }
    }

    public static async Task Guard(Task call)
    {
        try
        {
            await call;
        }
        catch (Exception e) when (IsOutage(e))
        {
            throw Unavailable(e);
        }
    }

    private static bool IsOutage(Exception e) =>
        e is RedisException or TimeoutException or ObjectDisposedException or OperationCanceledException;
}
