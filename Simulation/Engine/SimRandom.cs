namespace HiveMind.Simulation;

/// <summary>All chance of a world (xoshiro256**, seeded by splitmix64): the same seed is the same history, in any version of .NET.</summary>
internal sealed class SimRandom
{
    private ulong _a, _b, _c, _d;

    public SimRandom(ulong seed)
    {
        _a = SplitMix(ref seed);
        _b = SplitMix(ref seed);
        _c = SplitMix(ref seed);
        _d = SplitMix(ref seed);
    }

    public ulong Next()
    {
        var result = ulong.RotateLeft(_b * 5, 7) * 9;
        var shifted = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= shifted;
        _d = ulong.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>0 to n - 1.</summary>
    public int Below(int n) => (int)((Next() >> 32) * (uint)n >> 32);

    /// <summary>Both ends included.</summary>
    public int Between(int low, int high) => low + Below(high - low + 1);

    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    public double Between(double low, double high) => low + Unit() * (high - low);

    /// <summary>Draws nothing where the answer is known.</summary>
    public bool Chance(double probability) => probability > 0 && Unit() < probability;

    public long Exponential(double mean) => (long)(-Math.Log(1 - Unit()) * mean);

    public T Of<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    /// <summary>An index, by running sums of weights.</summary>
    public int Weighted(double[] sums)
    {
        var at = Unit() * sums[^1];
        var found = Array.BinarySearch(sums, at);
        return Math.Min(found >= 0 ? found + 1 : ~found, sums.Length - 1);
    }

    private static ulong SplitMix(ref ulong seed)
    {
        var z = seed += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
