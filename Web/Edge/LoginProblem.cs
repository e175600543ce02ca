namespace HiveMind.Web.Edge;

/// <summary>Why a form was not accepted, as it stands in the address it leads to: a word of this list, never a text from outside.</summary>
internal enum LoginProblem { None, Wrong, TooMany, Away, OldForm, Unencrypted, Ended }

internal static class LoginProblems
{
    public static LoginProblem Parse(string? word) => Enum.TryParse<LoginProblem>(word, ignoreCase: true, out var problem) && Enum.IsDefined(problem) ? problem : LoginProblem.None;

    /// <summary>One text for every way of not being known, as the gRPC login has it.</summary>
    public static string Text(LoginProblem problem) => problem switch
    {
        LoginProblem.Wrong => HiveMindException.Unauthenticated().Message,
        LoginProblem.TooMany => "Too many tries from your address: wait a few seconds.",
        LoginProblem.Away => "The hub's accounts do not answer right now: try again in a moment.",
        LoginProblem.OldForm => "That form was too old, or its cookie is missing: try again.",
        LoginProblem.Unencrypted => "Your connection to this hub is not encrypted, so it takes no password here: "
            + "log in on the hub's own machine, or have its page served over https.",
        LoginProblem.Ended => "Your session has ended: log in again.",
        _ => "",
    };
}
