using System.Text;
using HiveMind.Storage;
using StackExchange.Redis;

namespace HiveMind.Benchmarks;

/// <summary>Writes as the grain storage does (its script, its two fields, then the shared commit), without a silo around it.</summary>
internal sealed class GrainLikeStore(Floor floor)
{
    private const string WriteScript = """
        local etag = redis.call('HGET', KEYS[1], 'etag')
        if ((not etag or etag == '') and (not ARGV[1] or ARGV[1] == '')) or etag == ARGV[1] then
          redis.call('HMSET', KEYS[1], 'etag', ARGV[2], 'data', ARGV[3])
          return 0
        else
          return -1
        end
        """;

    private static readonly byte[] Padding = Encoding.ASCII.GetBytes(new string('x', 350));
    private readonly IDatabase db = floor.Redis.GetDatabase();

    /// <summary>Version 1 is a birth, each later one a rewrite. Durable when it returns.</summary>
    public async Task Write(string id, int version)
    {
        byte[] data = [.. BitConverter.GetBytes(version), .. Padding];
        var answer = await db.ScriptEvaluateAsync(WriteScript, [Key(id)], [version == 1 ? "" : version - 1, version, data]);
        if ((int)answer != 0)
        {
            throw new InvalidOperationException($"{id} was not at version {version - 1}.");
        }
        await floor.Commit.CommitAsync();
    }

    public async Task Delete(string id)
    {
        await db.KeyDeleteAsync(Key(id));
        await floor.Commit.CommitAsync();
    }

    /// <summary>0 when it is not there; -1 when its two fields disagree.</summary>
    public async Task<int> Read(string id)
    {
        var fields = await db.HashGetAsync(Key(id), ["etag", "data"]);
        if (fields[0].IsNull)
        {
            return 0;
        }
        var version = (int)fields[0];
        return BitConverter.ToInt32((byte[])fields[1]!) == version ? version : -1;
    }

    private RedisKey Key(string id) => $"{floor.Options.ServiceId}/state/probe/{id}/state";
}
