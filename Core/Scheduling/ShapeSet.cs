using System.Numerics;

namespace HiveMind.Scheduling;

/// <summary>A set of shapes by their small numbers, one bit each: whether two sets meet is a handful of instructions.</summary>
internal sealed class ShapeSet
{
    private ulong[] _words = new ulong[1];

    public bool Contains(int shape) => shape >> 6 < _words.Length && (_words[shape >> 6] >> shape & 1) != 0;

    public void Add(int shape)
    {
        if (shape >> 6 >= _words.Length) Array.Resize(ref _words, Math.Max(2 * _words.Length, (shape >> 6) + 1));
        _words[shape >> 6] |= 1UL << shape;
    }

    public void Remove(int shape)
    {
        if (shape >> 6 < _words.Length) _words[shape >> 6] &= ~(1UL << shape);
    }

    public bool Meets(ShapeSet other)
    {
        var words = Math.Min(_words.Length, other._words.Length);
        for (var i = 0; i < words; i++)
            if ((_words[i] & other._words[i]) != 0) return true;
        return false;
    }

    public int CountIn(ShapeSet other)
    {
        var count = 0;
        for (var i = 0; i < Math.Min(_words.Length, other._words.Length); i++) count += BitOperations.PopCount(_words[i] & other._words[i]);
        return count;
    }

    /// <summary>The next shape after that one which is in here and in the other set, or not in it; -1: there is none.</summary>
    public int Next(int after, ShapeSet other, bool inOther)
    {
        for (var i = (after + 1) >> 6; i < _words.Length; i++)
        {
            var theirs = i < other._words.Length ? other._words[i] : 0;
            var both = _words[i] & (inOther ? theirs : ~theirs);
            if (i == (after + 1) >> 6) both &= ulong.MaxValue << (after + 1);
            if (both != 0) return (i << 6) + BitOperations.TrailingZeroCount(both);
        }
        return -1;
    }
}
