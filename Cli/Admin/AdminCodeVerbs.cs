using System.CommandLine;
using System.Globalization;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`admin code`: makes a registration code.</summary>
internal sealed class AdminCodeMakeVerb : Verb
{
    private readonly Option<int> uses = new("--uses") { Description = "How many accounts may be made with it (1).", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly Option<string> valid = new("--valid") { Description = "How long it is good for (7d).", HelpName = "TIME", DefaultValueFactory = _ => "7d" };
    private readonly Option<string?> note = new("--note") { Description = "What it is for.", HelpName = "TEXT" };
    private readonly Option<string?> forName = new("--for") { Description = "The one user name it is for.", HelpName = "NAME" };

    public AdminCodeMakeVerb(Terminal terminal) : base("code", "Make a code with which somebody registers.", terminal)
    {
        foreach (var option in new Option[] { uses, valid, note, forName }) Add(option);
    }

    /// <summary>A code as scripts read it. Names are a promise: append only.</summary>
    public static object Shape(RegistrationCode code) =>
        new { code.CodeId, code.MadeBy, code.MadeAt, code.ExpiresAt, code.Uses, code.UsesLeft, code.Note, code.Username };

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        if (parsed.GetValue(uses) < 1) throw CliException.Usage("--uses: at least 1.");
        using var hub = await Connect(parsed, stop);
        var request = new MakeRegistrationCodeRequest
        {
            Uses = parsed.GetValue(uses), ValidSeconds = DurationText.Seconds(parsed.GetRequiredValue(valid)), Note = parsed.GetValue(note) ?? "",
            Username = parsed.GetValue(forName) ?? "",
        };
        var answer = await hub.Admin.MakeRegistrationCodeAsync(request, cancellationToken: stop);
        Terminal.Result(answer.Code, new { answer.Code, Registered = Shape(answer.Registered) });
        Terminal.Hint($"Shown once, good until {answer.Registered.ExpiresAt}. Put it into a file: {Next(parsed, "register NAME --email ADDRESS --code-file FILE")}");
        return ExitCodes.Ok;
    }
}

/// <summary>`admin codes`: those that can still be used.</summary>
internal sealed class AdminCodesVerb(Terminal terminal) : Verb("codes", "List the registration codes that can still be used.", terminal)
{
    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var codes = (await hub.Admin.ListRegistrationCodesAsync(new ListRegistrationCodesRequest(), cancellationToken: stop)).Codes;
        var table = new TextTable("code id", "left", "good until", "for", "made by", "note");
        foreach (var code in codes)
        {
            table.Add(code.CodeId, string.Create(CultureInfo.InvariantCulture, $"{code.UsesLeft} of {code.Uses}"), code.ExpiresAt, Words.OrDash(code.Username), code.MadeBy,
                Words.OrDash(code.Note));
        }

        table.Show(Terminal, new { Codes = codes.Select(AdminCodeMakeVerb.Shape) });
        return ExitCodes.Ok;
    }
}

/// <summary>`admin code-revoke`: nobody registers with it any more.</summary>
internal sealed class AdminCodeRevokeVerb : Verb
{
    private readonly Argument<string> codeId = new("CODE-ID") { Description = "As `admin codes` shows it." };

    public AdminCodeRevokeVerb(Terminal terminal) : base("code-revoke", "Make a registration code good for nothing.", terminal) => Add(codeId);

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var id = parsed.GetRequiredValue(codeId);
        await hub.Admin.RevokeRegistrationCodeAsync(new RevokeRegistrationCodeRequest { CodeId = id }, cancellationToken: stop);
        Terminal.Result($"Code {id} is revoked.", new { CodeId = id, Revoked = true });
        return ExitCodes.Ok;
    }
}
