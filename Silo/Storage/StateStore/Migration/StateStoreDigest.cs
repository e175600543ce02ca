using System.Buffers.Binary;
using System.Security.Cryptography;
using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>
/// Counts and a hash over keys with all they hold, whatever order they are read in: SHA-256 of each entry, put together by XOR. Every entry is
/// hashed with its key and is there once, so no two cancel out.
/// </summary>
internal sealed class StateStoreDigest : IEquatable<StateStoreDigest>
{
    private readonly Lock gate = new();
    private readonly byte[] sum = new byte[SHA256.HashSizeInBytes];

    public long Keys { get; private set; }
    public long Entries { get; private set; }
    public string Hash => Convert.ToHexStringLower(sum);

    public void AddKey()
    {
        lock (gate) Keys++;
    }

    /// <summary>A string's value (no field), a hash's field and value, a set's member (no value), a sorted set's member and score.</summary>
    public void Add(RedisKey key, RedisType type, RedisValue field, RedisValue value)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData([(byte)type]);
        Append(hash, (byte[])key!);
        Append(hash, (byte[]?)field ?? []);
        Append(hash, (byte[]?)value ?? []);
        var entry = hash.GetHashAndReset();
        lock (gate)
        {
            Entries++;
            for (var i = 0; i < sum.Length; i++) sum[i] ^= entry[i];
        }
    }

    /// <summary>A score by its bits: its text may differ from server to server.</summary>
    public void Add(RedisKey key, SortedSetEntry entry) => Add(key, RedisType.SortedSet, entry.Element, BitConverter.DoubleToInt64Bits(entry.Score));

    public bool Equals(StateStoreDigest? other) => other is not null && Keys == other.Keys && Entries == other.Entries && Hash == other.Hash;

    public override bool Equals(object? obj) => Equals(obj as StateStoreDigest);

    public override int GetHashCode() => HashCode.Combine(Keys, Entries, Hash);

    public override string ToString() => $"{Keys} keys with {Entries} entries, hash {Hash}";

    private static void Append(IncrementalHash hash, byte[] bytes)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }
}
