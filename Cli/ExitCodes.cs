namespace HiveMind.Cli;

/// <summary>What a script may rely on. Values are a promise: append only.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;
    public const int TaskFailed = 1;
    public const int Usage = 2;
    public const int NotLoggedIn = 3;
    public const int Unreachable = 4;
    public const int Interrupted = 130;
}
