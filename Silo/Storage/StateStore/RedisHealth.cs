using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>A real scripted write: PING stays green while scripts fail, so this is the only honest probe.</summary>
internal sealed class RedisHealth(IConnectionMultiplexer redis, string serviceId, TimeProvider time) : StateStoreHealth
{
    internal const string Script = "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])";
    private readonly RedisKey key = $"{serviceId}/health";

    public override async Task<string?> Check(TimeSpan timeout)
    {
        try
        {
            var mark = time.GetUtcNow().ToUnixTimeMilliseconds();
            var answer = await redis.GetDatabase().ScriptEvaluateAsync(Script, [key], [mark]).WaitAsync(timeout);
            return (long)answer == mark ? null : "a scripted write reads back something else";
        }
        catch (Exception e) when (e is RedisException or TimeoutException or ObjectDisposedException or InvalidCastException)
        {
            return $"a scripted write failed: {e.GetType().Name}";
        }
    }
}
