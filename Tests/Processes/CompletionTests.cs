using System.Diagnostics;

namespace HiveMind.Tests.Processes;

/// <summary>The script of `hivemind completion bash` in a real bash, as it is when Tab is pressed.</summary>
public sealed class CompletionTests : IDisposable
{
    private const string Bash = "/bin/bash";
    private readonly string _folder = Directory.CreateTempSubdirectory("hivemind-completion-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("hivemind submit-m", "submit-many")]
    [InlineData("hivemind submit --prio", "--priority")]
    [InlineData("hivemind tasks --state t", "timed_out")]
    [InlineData("hivemind completion f", "fish")]
    [InlineData("hivemind nothing-like-this", "")]
    public async Task Bash_Tab_CompletesTheWord(string line, string completed)
    {
        Assert.SkipUnless(File.Exists(Bash), "bash is not installed");
        // As it is installed: a program `hivemind` on the PATH.
        var program = Path.Combine(_folder, "hivemind");
        await File.WriteAllTextAsync(program, $"#!{Bash}\nexec dotnet '{Path.Combine(AppContext.BaseDirectory, "hivemind.dll")}' \"$@\"\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        // What bash does at Tab: split the line into words, call the registered function, read COMPREPLY.
        const string AtTab = """
            source <(hivemind completion bash)
            complete -p hivemind >/dev/null || exit 9
            COMP_LINE=$1 COMP_POINT=${#1}
            read -ra COMP_WORDS <<< "$1"
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            $(complete -p hivemind | sed -E 's/.*-F ([^ ]+) .*/\1/')
            printf '%s\n' "${COMPREPLY[@]}"
            """;
        var start = new ProcessStartInfo(Bash, ["--norc", "-c", AtTab, "bash", line]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{_folder}:{start.Environment["PATH"]}";
        using var bash = Process.Start(start)!;
        var errors = bash.StandardError.ReadToEndAsync();
        var printed = await bash.StandardOutput.ReadToEndAsync();
        await bash.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));

        Assert.Equal((0, completed, ""), (bash.ExitCode, printed.Trim(), await errors));
    }
}
