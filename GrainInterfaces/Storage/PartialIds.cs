using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>How partial files are named: by what they are part of, so that everyone finds the same one.</summary>
public static class PartialIds
{
    private const string OutputPrefix = "out-";

    public static string Output(string taskId, int attempt, string stream) => $"{OutputPrefix}{taskId}-{attempt}-{stream}";

    /// <summary>The task and attempt whose output it is, or null for another kind.</summary>
    public static (string TaskId, int Attempt)? ParseOutput(string id)
    {
        if (!id.StartsWith(OutputPrefix, StringComparison.Ordinal)) return null;
        var parts = id[OutputPrefix.Length..].Split('-');
        return parts.Length == 3 && TaskIds.IsValid(parts[0]) && int.TryParse(parts[1], out var attempt) ? (parts[0], attempt) : null;
    }
}
