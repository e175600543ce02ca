namespace HiveMind.Cli;

/// <summary>`--hub`, else HIVEMIND_HUB, else the hub of this machine.</summary>
internal static class HubAddress
{
    public static Uri Parse(string? option)
    {
        var text = option ?? Environment.GetEnvironmentVariable("HIVEMIND_HUB");
        if (string.IsNullOrWhiteSpace(text))
        {
            text = Verb.DefaultHub;
        }

        if (!text.Contains("://", StringComparison.Ordinal))
        {
            text = "http://" + text;
        }

        return Uri.TryCreate(text, UriKind.Absolute, out var hub) && hub.Scheme is "http" or "https"
            ? hub
            : throw CliException.Usage($"'{text}' is no address of a hub: write it like {Verb.DefaultHub}.");
    }

    /// <summary>How a hub is named in files: scheme, host and port.</summary>
    public static string Key(Uri hub) => hub.GetLeftPart(UriPartial.Authority).ToLowerInvariant();
}
