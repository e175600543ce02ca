using HiveMind.Protos;
using HiveMind.Tasks;

namespace HiveMind.Cli;

/// <summary>Attempts of a task as people read them. Pure.</summary>
internal static class AttemptWords
{
    /// <summary>`PROGRAM_FAILED (exit code 75): The program ended with an error.`</summary>
    public static string Cause(TaskAttempt attempt)
    {
        var end = ProgramEnd.Of(attempt);
        var how = end.Text.Length > 0 && end.ExitCode != 0 ? $" ({end.InParentheses})" : "";
        return CauseTexts.For(attempt.Cause) is { Length: > 0 } text ? $"{attempt.Cause}{how}: {text}" : $"{attempt.Cause}{how}";
    }

    /// <summary>Why an attempt is not the one that is shown.</summary>
    public static string Ended(TaskAttempt attempt) => $"Attempt {attempt.Attempt} on {attempt.NodeId} ended: {Cause(attempt)}";

    /// <summary>For a block of lines: where and when, how it ended, and what it used; what is not known is left out.</summary>
    public static IEnumerable<string> Lines(TaskAttempt attempt)
    {
        yield return $"on {attempt.NodeId}, {(attempt.EndedAt.Length > 0 ? $"{attempt.AssignedAt} to {attempt.EndedAt}" : $"since {attempt.AssignedAt}")}";
        if (attempt.Cause.Length > 0)
        {
            yield return Cause(attempt);
        }

        string[] used =
        [
            attempt.RunMs == 0 ? "" : $"ran {Words.Number(attempt.RunMs / 1000.0)} s", attempt.CpuMs == 0 ? "" : $"cpu {Words.Number(attempt.CpuMs / 1000.0)} s",
            attempt.MemoryPeakMb == 0 ? "" : $"memory {attempt.MemoryPeakMb} MiB", attempt.CostCredits == 0 ? "" : $"cost {Words.Credits(attempt.CostCredits)}",
        ];
        if (used.Any(part => part.Length > 0))
        {
            yield return string.Join(", ", used.Where(part => part.Length > 0));
        }
    }
}
