using HiveMind.Workers.Connection;

namespace HiveMind.Cli;

/// <summary>`--hub`, else HIVEMIND_HUB, else the hub of this machine. An https address carries the pin of the hub's key, if one is known.</summary>
internal static class HubAddress
{
    public static Uri Parse(string? option) => Parse(option, new KnownHubs(UserFolders.Config), new LocalHub(UserFolders.Data));

    public static Uri Parse(string? option, KnownHubs known, LocalHub local)
    {
        var text = option ?? Environment.GetEnvironmentVariable("HIVEMIND_HUB");
        return string.IsNullOrWhiteSpace(text) ? local.Address : known.WithPin(Read(text));
    }

    /// <summary>An address as it is written, `http://` left out or not, with or without a pin.</summary>
    public static Uri Read(string text)
    {
        if (!text.Contains("://", StringComparison.Ordinal))
        {
            text = (text.Contains('#', StringComparison.Ordinal) ? "https://" : "http://") + text;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var hub) || hub.Scheme is not ("http" or "https"))
        {
            throw CliException.Usage($"'{text}' is no address of a hub: write it like {Verb.DefaultHub}.");
        }

        return HubPin.Problem(hub) is { } problem ? throw CliException.Usage(problem) : hub;
    }

    public const string InsecureVariable = "HIVEMIND_INSECURE";

    /// <summary>Nothing of ours goes over a network in clear unless that was asked for.</summary>
    public static Uri RequirePrivate(Uri hub, bool insecure) => IsPrivate(hub) || insecure || Environment.GetEnvironmentVariable(InsecureVariable) is "1" or "true"
        ? hub
        : throw CliException.Usage(
            $"{Key(hub)} is another machine, and http:// would show your password or token to everybody in between: use the https:// address that the hub "
            + $"printed at its start, or say --insecure ({InsecureVariable}=1) on a network you trust.");

    /// <summary>Encrypted, or on this machine.</summary>
    public static bool IsPrivate(Uri hub) => hub.Scheme == "https" || hub.IsLoopback;

    /// <summary>How a hub is named in files: scheme, host and port.</summary>
    public static string Key(Uri hub) => hub.GetLeftPart(UriPartial.Authority).ToLowerInvariant();

    /// <summary>Key and pin, for another machine or program that knows nothing of this hub yet.</summary>
    public static string Full(Uri hub) => HubPin.Of(hub) is { } pin ? $"{Key(hub)}#{pin}" : Key(hub);

    /// <summary>As a word of a command line: the `#` is nobody's comment or pattern.</summary>
    public static string Quoted(string address) => address.Contains('#', StringComparison.Ordinal) ? $"'{address}'" : address;
}
