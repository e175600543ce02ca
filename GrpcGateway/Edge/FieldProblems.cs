namespace HiveMind.Edge;

/// <summary>One field of a request that is wrong, and how to put it right.</summary>
internal sealed record FieldProblem(string Field, string Fix);

/// <summary>A request that was refused before any grain saw it: every bad field at once, so that a form can show them all.</summary>
internal sealed class InvalidRequestException(IReadOnlyList<FieldProblem> problems) : Exception(string.Join(" ", problems.Select(p => p.Fix)))
{
    public IReadOnlyList<FieldProblem> Problems { get; } = problems;
}

/// <summary>Collects the problems of one request.</summary>
internal sealed class FieldProblems
{
    private readonly List<FieldProblem> _found = [];

    public IReadOnlyList<FieldProblem> Found => _found;

    public FieldProblems Require(bool holds, string field, string fix)
    {
        if (!holds) _found.Add(new FieldProblem(field, fix));
        return this;
    }

    public FieldProblems RequireNone(string? problem, string field) => Require(problem is null, field, problem ?? "");
}

internal static class FieldProblemExtensions
{
    public static void ThrowIfAny(this IReadOnlyList<FieldProblem> problems)
    {
        if (problems.Count > 0) throw new InvalidRequestException(problems);
    }
}
