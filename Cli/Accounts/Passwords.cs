namespace HiveMind.Cli;

/// <summary>Passwords come from a hidden prompt or from standard input, never from an argument that others can read.</summary>
internal static class Passwords
{
    public static string Get(Terminal terminal, bool fromStandardInput, bool isNew, string question = "Password")
    {
        if (fromStandardInput)
        {
            return Console.In.ReadLine() ?? throw CliException.Usage("--password-stdin: standard input is empty.");
        }

        if (!terminal.CanAsk)
        {
            throw CliException.Usage("No terminal to ask for the password at: pipe it in and say --password-stdin.");
        }

        var password = terminal.AskHidden(question);
        return !isNew || terminal.AskHidden("Once more") == password
            ? password
            : throw CliException.Usage("The two passwords differ.");
    }
}
