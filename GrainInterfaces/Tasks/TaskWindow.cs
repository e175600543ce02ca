namespace HiveMind.Tasks;

/// <summary>
/// A stretch of one source: what the filter shows, newest first, of all that stands down to <paramref name="ScannedTo"/> (null: down to
/// the source's end). What is below was not looked at.
/// </summary>
public sealed record TaskWindow(IReadOnlyList<ListedTask> Items, TaskKey? ScannedTo)
{
    public static readonly TaskWindow Nothing = new([], null);
}
