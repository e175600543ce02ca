namespace HiveMind.Tests;

/// <summary>Takes the steps of a machine's commands in a test: what they wait for is answered at once as the test has laid down, or step by step.</summary>
internal abstract class MachineBench(DateTimeOffset begins)
{
    public Instant Now { get; protected set; } = new(TimeSpan.FromHours(1), begins);

    public void Pass(double seconds) => Now = new(Now.Clock + TimeSpan.FromSeconds(seconds), Now.Wall + TimeSpan.FromSeconds(seconds));

    /// <summary>To its end, and all that it begins.</summary>
    public void Run(IEnumerable<Effect> command)
    {
        using var steps = command.GetEnumerator();
        while (Step(steps)) Answer(steps.Current);
        Settle();
    }

    /// <summary>To the first effect of that kind, which is left undone: the rest of the command is under way.</summary>
    public (IEnumerator<Effect> Command, T Effect) Until<T>(IEnumerable<Effect> command) where T : Effect
    {
        var steps = command.GetEnumerator();
        while (Step(steps))
        {
            if (steps.Current is T found) return (steps, found);
            Answer(steps.Current);
        }
        throw new InvalidOperationException($"The command came to its end without {typeof(T).Name}.");
    }

    /// <summary>What it stopped at is done.</summary>
    public void GoOn(IEnumerator<Effect> command)
    {
        Answer(command.Current);
        while (Step(command)) Answer(command.Current);
        command.Dispose();
        Settle();
    }

    protected abstract bool Step(IEnumerator<Effect> command);

    protected abstract void Answer(Effect effect);

    /// <summary>What was begun beside it comes to its end too.</summary>
    protected virtual void Settle()
    {
    }
}
