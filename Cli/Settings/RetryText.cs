using System.Globalization;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>Which ends of a task are worth another attempt, as people write them: `75,timeout,failure`.</summary>
internal static class RetryText
{
    /// <summary>Null when nothing was said: the hub's default.</summary>
    public static TaskRetry? Parse(string? retryOn, bool noRetryOnLostNode, string? maxAttempts)
    {
        if (retryOn is null && !noRetryOnLostNode && maxAttempts is null)
        {
            return null;
        }

        var retry = new TaskRetry { NotOnLostNode = noRetryOnLostNode, MaxAttempts = maxAttempts is null ? 0 : AttemptsOf(maxAttempts) };
        foreach (var end in retryOn?.Split(',', StringSplitOptions.TrimEntries) ?? [])
        {
            Add(retry, end.ToLowerInvariant());
        }

        return retry;
    }

    /// <summary>The same, of what the hub says.</summary>
    public static string Of(TaskRetry? retry)
    {
        List<string> ends = [.. retry?.ExitCodes.Select(code => $"exit code {code}") ?? []];
        if (retry is { AnyFailure: true })
        {
            ends.Add("any failure");
        }

        if (retry is { OnTimeout: true })
        {
            ends.Add("timeout");
        }

        if (retry is not { NotOnLostNode: true })
        {
            ends.Add("lost node");
        }

        return ends.Count == 0 ? "never retried" : $"retried after {string.Join(", ", ends)}";
    }

    private static void Add(TaskRetry retry, string end)
    {
        switch (end)
        {
            case "failure":
                retry.AnyFailure = true;
                break;
            case "timeout":
                retry.OnTimeout = true;
                break;
            default:
                retry.ExitCodes.Add(int.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code is >= 1 and <= 255
                    ? code
                    : throw CliException.Usage($"--retry-on: '{end}' is none of: an exit code from 1 to 255, failure, timeout. Write them like 75,timeout."));
                break;
        }
    }

    private static int AttemptsOf(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var attempts) && attempts is >= 1 and <= 20
            ? attempts
            : throw CliException.Usage($"--max-attempts: '{text}' is no number from 1 to 20.");
}
