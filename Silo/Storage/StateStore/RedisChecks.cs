using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>What was found of a Redis: it will do, may do later, or will not.</summary>
/// <param name="Problems">One line each; with any, the silo must not start on it.</param>
/// <param name="Away">What keeps it from answering now, null when it does.</param>
/// <param name="Risk">What the operator has allowed and should be reminded of.</param>
public sealed record RedisVerdict(IReadOnlyList<string> Problems, string? Away, string? Risk)
{
    public static RedisVerdict AwayFor(string reason) => new([], reason, null);
}

/// <summary>What a Redis must be before a pool may live on it: one line per problem.</summary>
public static class RedisChecks
{
    /// <param name="redis">Connected or not.</param>
    /// <param name="serviceId">Prefix of its keys.</param>
    /// <param name="allowLossOnCrash">An `appendfsync` that may lose what was acknowledged is taken, and said.</param>
    public static async Task<RedisVerdict> Look(IConnectionMultiplexer redis, string serviceId, bool allowLossOnCrash = false)
    {
        try
        {
            return await Ask(redis, serviceId, allowLossOnCrash);
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            var meaning = RedisErrors.Of(e);
            return meaning.Passes ? RedisVerdict.AwayFor(meaning.Text) : new([meaning.Text], null, null);
        }
    }

    private static async Task<RedisVerdict> Ask(IConnectionMultiplexer redis, string serviceId, bool allowLossOnCrash)
    {
        var problems = new List<string>();
        var db = redis.GetDatabase();
        var info = (string?)await db.ExecuteAsync("INFO", "cluster") ?? "";
        if (info.Contains("cluster_enabled:1", StringComparison.Ordinal))
        {
            problems.Add("Redis: Cluster mode is on; the order of two writes is relied on, so use one primary without Cluster mode.");
            return new(problems, null, null); // whose keys a script may not touch
        }
        await Expect(db, problems, "appendonly", "yes", "what is acknowledged must survive a restart");
        await Expect(db, problems, "maxmemory-policy", "noeviction", "an evicted key is a lost task");
        var risk = problems.Count == 0 ? await Loss(db, problems, allowLossOnCrash) : null;
        var answer = await db.ScriptEvaluateAsync(RedisHealth.Script, [$"{serviceId}/health"], ["start"]);
        if ((string?)answer != "start") problems.Add("Redis: a scripted write reads back something else.");
        return new(problems, null, risk);
    }

    private static async Task<string?> Loss(IDatabase db, List<string> problems, bool allowed)
    {
        if (await Read(db, "appendfsync", problems, "always") is not { } value || value == "always") return null;
        var lost = value == "everysec" ? "up to a second or two of what was acknowledged" : "up to half a minute of what was acknowledged";
        if (allowed) return $"Redis: appendfsync is '{value}': a crash of its machine loses {lost}.";
        problems.Add($"Redis: appendfsync is '{value}', but must be 'always': a crash of its machine would lose {lost}. "
            + "To run so all the same, say HiveMind:Redis:AllowLossOnCrash=true.");
        return null;
    }

    private static async Task Expect(IDatabase db, List<string> problems, string setting, string wanted, string why)
    {
        if (await Read(db, setting, problems, wanted) is { } value && value != wanted)
        {
            problems.Add($"Redis: {setting} is '{value}', but must be '{wanted}': {why}.");
        }
    }

    /// <summary>Null when it cannot be read, which is a problem.</summary>
    private static async Task<string?> Read(IDatabase db, string setting, List<string> problems, string wanted)
    {
        try
        {
            var answer = (RedisResult[]?)await db.ExecuteAsync("CONFIG", "GET", setting);
            return answer is { Length: >= 2 } ? (string?)answer[1] ?? "unknown" : "unknown";
        }
        catch (RedisServerException e) when (!RedisErrors.Of(e).Passes && !e.Message.StartsWith("NOAUTH", StringComparison.Ordinal))
        {
            problems.Add($"Redis: {setting} cannot be read ({e.Message}); it must be '{wanted}'.");
            return null;
        }
    }
}
