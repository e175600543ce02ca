using System.Reflection;

namespace HiveMind.Tests.Gateway;

/// <summary>A contract answered method by method. What a test did not expect to be called fails.</summary>
public class Stub<T> : DispatchProxy where T : class
{
    private readonly Dictionary<string, Func<object?[], object?>> _answers = [];

    public T Object => (T)(object)this;

    public static Stub<T> New() => (Stub<T>)(object)Create<T, Stub<T>>();

    public Stub<T> On(string method, Func<object?[], object?> answer)
    {
        _answers[method] = answer;
        return this;
    }

    protected override object? Invoke(MethodInfo? method, object?[]? args)
    {
        if (_answers.TryGetValue(method!.Name, out var answer)) return answer(args ?? []);
        throw new NotSupportedException($"{typeof(T).Name}.{method.Name} was not expected.");
    }
}

/// <summary>Grains by interface and key, as the tests lay them out.</summary>
public class FakeGrains : DispatchProxy
{
    private readonly Dictionary<(Type, string), object> _grains = [];
    private readonly Dictionary<Type, Func<string, object>> _others = [];

    public IGrainFactory Object => (IGrainFactory)(object)this;
    public List<object> Links { get; } = [];

    public static FakeGrains New() => (FakeGrains)(object)Create<IGrainFactory, FakeGrains>();

    public FakeGrains Add<T>(string key, T grain) where T : class
    {
        _grains[(typeof(T), key)] = grain;
        return this;
    }

    /// <summary>Every grain of that kind that was not added by its key.</summary>
    public FakeGrains AddOthers<T>(Func<string, T> grain) where T : class
    {
        _others[typeof(T)] = grain;
        return this;
    }

    protected override object? Invoke(MethodInfo? method, object?[]? args)
    {
        switch (method!.Name)
        {
            case "GetGrain" when args![0] is string key:
                return _grains.TryGetValue((method.GetGenericArguments()[0], key), out var grain) ? grain
                    : _others.TryGetValue(method.GetGenericArguments()[0], out var others) ? others(key)
                    : throw new NotSupportedException($"No {method.GetGenericArguments()[0].Name} '{key}' in this test.");
            case "CreateObjectReference":
                lock (Links) Links.Add(args![0]!);
                return args[0];
            case "DeleteObjectReference":
                lock (Links) Links.Remove(args![0]!);
                return null;
            default:
                throw new NotSupportedException(method.Name);
        }
    }
}
