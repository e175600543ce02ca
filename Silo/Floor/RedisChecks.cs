using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>What a Redis must be before a pool may live on it: one line per problem.</summary>
public static class RedisChecks
{
    public static async Task<IReadOnlyList<string>> Problems(IConnectionMultiplexer redis, string serviceId)
    {
        try
        {
            return await Ask(redis, serviceId);
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            return [$"Redis: it does not answer ({e.GetType().Name}): check Redis:ConnectionString and that it runs."];
        }
    }

    private static async Task<IReadOnlyList<string>> Ask(IConnectionMultiplexer redis, string serviceId)
    {
        var problems = new List<string>();
        var db = redis.GetDatabase();
        var info = (string?)await db.ExecuteAsync("INFO", "cluster") ?? "";
        if (info.Contains("cluster_enabled:1", StringComparison.Ordinal))
        {
            problems.Add("Redis: Cluster mode is on; the order of two writes is relied on, so use one primary without Cluster mode.");
        }
        await Expect(db, problems, "appendonly", "yes", "what is acknowledged must survive a restart");
        await Expect(db, problems, "maxmemory-policy", "noeviction", "an evicted key is a lost task");
        if (await ScriptProblem(db, serviceId) is { } problem)
        {
            problems.Add(problem);
        }
        return problems;
    }

    private static async Task Expect(IDatabase db, List<string> problems, string setting, string wanted, string why)
    {
        try
        {
            var answer = (RedisResult[]?)await db.ExecuteAsync("CONFIG", "GET", setting);
            var value = answer is { Length: >= 2 } ? (string?)answer[1] : null;
            if (value != wanted)
            {
                problems.Add($"Redis: {setting} is '{value ?? "unknown"}', but must be '{wanted}': {why}.");
            }
        }
        catch (RedisServerException e)
        {
            problems.Add($"Redis: {setting} cannot be read ({e.Message}); it must be '{wanted}': {why}.");
        }
    }

    private static async Task<string?> ScriptProblem(IDatabase db, string serviceId)
    {
        try
        {
            var answer = await db.ScriptEvaluateAsync(RedisHealth.Script, [$"{serviceId}/health"], ["start"]);
            return (string?)answer == "start" ? null : "Redis: a scripted write reads back something else.";
        }
        catch (RedisServerException e)
        {
            return $"Redis: a scripted write is refused ({e.Message}); Lua scripts must be allowed.";
        }
    }
}
