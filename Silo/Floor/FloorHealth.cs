using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>Can the floor still take a scripted write? PING stays green while scripts fail, so this is the only honest probe.</summary>
public sealed class FloorHealth(IConnectionMultiplexer redis, FloorCommit commit, string serviceId, TimeProvider time)
{
    internal const string Script = "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])";
    private readonly RedisKey key = $"{serviceId}/health";

    /// <summary>Null when healthy, else what is wrong.</summary>
    public async Task<string?> Check(TimeSpan timeout)
    {
        try
        {
            var mark = time.GetUtcNow().ToUnixTimeMilliseconds();
            var answer = await redis.GetDatabase().ScriptEvaluateAsync(Script, [key], [mark]).WaitAsync(timeout);
            if ((long)answer != mark)
            {
                return "a scripted write reads back something else";
            }
            await commit.CommitAsync().WaitAsync(timeout);
            return null;
        }
        catch (Exception e) when (e is RedisException or TimeoutException or HiveMindException or ObjectDisposedException or InvalidCastException)
        {
            return $"a scripted write failed: {e.GetType().Name}";
        }
    }
}
