namespace HiveMind.Storage;

/// <summary>The silo must not start on these stores or settings: one line per problem, for the operator.</summary>
public sealed class StartRefusedException(IReadOnlyList<string> problems) : Exception(string.Join(Environment.NewLine, problems))
{
    public IReadOnlyList<string> Problems { get; } = problems;

    public StartRefusedException(string problem) : this([problem])
    {
    }
}
