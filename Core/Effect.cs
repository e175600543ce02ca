namespace HiveMind;

/// <summary>
/// What a command of a machine wants done before it goes on. Its carrier does it, writes down what came of it, and takes the next step; meanwhile the machine
/// takes steps of other commands.
/// </summary>
public abstract class Effect;

/// <summary>What a command answers with, from its last step on.</summary>
public sealed class Reply<T>
{
    private T? _value;
    private bool _isThere;

    public T Value
    {
        get => _isThere ? _value! : throw new InvalidOperationException("The command has not answered.");
        internal set => (_value, _isThere) = (value, true);
    }
}
