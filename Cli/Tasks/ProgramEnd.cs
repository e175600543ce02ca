using HiveMind.Protos;
using HiveMind.Tasks;
using TaskState = HiveMind.Protos.TaskState;

namespace HiveMind.Cli;

/// <summary>
/// How a program ended: by itself with an exit code, by a signal, or neither where it was not it that ended (a lost machine). A hub of before says an exit code only, and 128 + n
/// for signal n, which a program can say as well. Pure.
/// </summary>
internal readonly record struct ProgramEnd(int? ExitCode, int? Signal, bool IsOlderHub = false)
{
    private const int ShellsBase = 128, MostSignal = 64;

    public static ProgramEnd Of(GetTaskStatusResponse task) =>
        Of(task.HasExitCode, task.ExitCode, task.TermSignal, task.State == TaskState.Completed ? Causes.Completed : task.Reason);

    public static ProgramEnd Of(GetTaskResultResponse task) =>
        Of(task.HasExitCode, task.ExitCode, task.TermSignal, task.State == TaskState.Completed ? Causes.Completed : task.Reason);

    public static ProgramEnd Of(TaskAttempt attempt) => Of(attempt.HasExitCode, attempt.ExitCode, attempt.TermSignal, attempt.Cause);

    private static ProgramEnd Of(bool hasExitCode, int exitCode, int signal, string cause) =>
        hasExitCode ? new(exitCode, null)
        : signal > 0 ? new(null, signal)
        : cause == Causes.Completed ? new(0, null)
        : exitCode != 0 ? new(exitCode, null, IsOlderHub: true) : default;

    /// <summary>The same where it stands in parentheses itself.</summary>
    public string InParentheses => Signal is { } signal && SignalNames.NameOf(signal) is { Length: > 0 } name ? $"signal {signal}, {name}" : Text;

    /// <summary>Empty where there is neither; what an older hub says so that both of its meanings are there.</summary>
    public string Text => this switch
    {
        { Signal: { } signal } => $"signal {SignalNames.Describe(signal)}",
        { IsOlderHub: true, ExitCode: { } code and > ShellsBase and <= ShellsBase + MostSignal } => $"exit code {code}, or signal {SignalNames.Describe(code - ShellsBase)}",
        { ExitCode: { } code } => $"exit code {code}",
        _ => "",
    };
}
