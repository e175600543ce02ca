using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>A state store that is away means: outcome unknown, try again.</summary>
public static class StateStoreFailures
{
    public const string Reason = "FLOOR_UNAVAILABLE";

    public static HiveMindException Unavailable(Exception cause) =>
        HiveMindException.Unavailable(Reason, cause is StateStoreError { IsFull: true }
        ? "The state store's disk is full: nothing was changed." : $"The state store did not answer: {cause.GetType().Name}.");

    public static HiveMindException Closed() => HiveMindException.Unavailable(Reason, "The state store is closed.");

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
