namespace HiveMind.Cli;

/// <summary>An end that the user is told about: exit code, sentence, the stable reason and the fields at fault.</summary>
internal sealed class CliException(int exitCode, string message, string reason = "USAGE", IReadOnlyList<FieldFault>? fields = null)
    : Exception(message)
{
    public int ExitCode { get; } = exitCode;
    public string Reason { get; } = reason;
    public IReadOnlyList<FieldFault> Fields { get; } = fields ?? [];

    public static CliException Usage(string message) => new(ExitCodes.Usage, message);
}

/// <summary>One field of a request and what would make it right.</summary>
internal sealed record FieldFault(string Field, string Fix);
