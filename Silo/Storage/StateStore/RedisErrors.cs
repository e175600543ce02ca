using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>What a Redis that does not do what it is asked is telling: pure, from the exception to a sentence and whether waiting may help.</summary>
public static class RedisErrors
{
    /// <param name="Passes">It may be well again without anybody changing a setting of the hub.</param>
    /// <param name="Text">For the operator.</param>
    public readonly record struct Meaning(bool Passes, string Text);

    /// <summary>Redis' own words for a full memory, the one refusal that leaves reads and removals working.</summary>
    public static bool IsFull(Exception error) => error is RedisServerException && Starts(error.Message, "OOM");

    public static Meaning Of(Exception error)
    {
        var said = error.Message;
        for (var inner = error.InnerException; inner is not null; inner = inner.InnerException) said += " " + inner.Message;
        if (Has(said, "NOAUTH") || Has(said, "WRONGPASS") || Has(said, "AuthenticationFailure") || Has(said, "invalid password") || Has(said, "invalid username-password"))
            return new(false, "Redis: it asks for another password (or user): give it in Redis:ConnectionString as HOST:PORT,password=…");
        if (error is RedisServerException)
        {
            if (Starts(said, "LOADING")) return new(true, "Redis: it is still loading its data.");
            if (Starts(said, "OOM")) return new(true, "Redis: its memory is full (maxmemory): give it more, for example redis-cli CONFIG SET maxmemory 4gb.");
            if (Starts(said, "READONLY")) return new(true, "Redis: it is a replica, which takes no writes: name the primary in Redis:ConnectionString, or promote this one.");
            if (Starts(said, "MISCONF")) return new(true, "Redis: it cannot write its disk and so takes no writes: look at its log and its disk.");
            if (Starts(said, "MASTERDOWN")) return new(true, "Redis: it is a replica without its primary.");
            if (Starts(said, "BUSY")) return new(true, "Redis: it is busy with somebody's script.");
            if (Starts(said, "NOPERM")) return new(false, $"Redis: its user may not do what the hub needs ({said}); Lua scripts and CONFIG GET must be allowed.");
            return new(false, $"Redis: a scripted write is refused ({said}); Lua scripts must be allowed.");
        }

        return new(true, $"Redis: it does not answer ({error.GetType().Name}): check Redis:ConnectionString and that it runs.");
    }

    private static bool Starts(string said, string word) => said.StartsWith(word, StringComparison.Ordinal);

    private static bool Has(string said, string word) => said.Contains(word, StringComparison.OrdinalIgnoreCase);
}
