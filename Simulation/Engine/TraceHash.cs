namespace HiveMind.Simulation;

/// <summary>One number for a whole history: two runs of a seed that differ anywhere differ here.</summary>
internal struct TraceHash
{
    private ulong _value;

    public readonly ulong Value => _value;

    public void Add(long a, long b)
    {
        _value = (_value ^ (ulong)a) * 0x9E3779B97F4A7C15;
        _value = (ulong.RotateLeft(_value, 29) ^ (ulong)b) * 0xBF58476D1CE4E5B9;
    }
}
