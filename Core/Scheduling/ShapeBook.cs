namespace HiveMind.Scheduling;

/// <summary>The shapes that somebody waits with, one object each.</summary>
internal sealed class ShapeBook
{
    private readonly Dictionary<ShapeKey, Shape> _byKey = [];
    private readonly List<Shape?> _byNumber = [];
    private readonly Stack<int> _free = [];

    public IReadOnlyCollection<Shape> All => _byKey.Values;
    public Shape this[int number] => _byNumber[number]!;

    public Shape Of(in ShapeKey key, out bool isNew)
    {
        isNew = !_byKey.TryGetValue(key, out var shape);
        if (!isNew) return shape!;
        var number = _free.TryPop(out var free) ? free : _byNumber.Count;
        shape = new Shape(key, number);
        if (number == _byNumber.Count) _byNumber.Add(shape);
        else _byNumber[number] = shape;
        _byKey.Add(key, shape);
        return shape;
    }

    public void Remove(Shape shape)
    {
        _byKey.Remove(shape.Key);
        _byNumber[shape.Number] = null;
        _free.Push(shape.Number);
    }
}
