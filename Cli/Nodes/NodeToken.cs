using System.Text.Json;

namespace HiveMind.Cli;

/// <summary>
/// What a worker needs to know of its node, as one line of JSON: `node-token` prints it and `worker --token-file` reads it. A file with nothing
/// but the token will do too, where `--node-id` names the node.
/// </summary>
internal sealed record NodeToken(string Hub, string NodeId, string Token)
{
    private static readonly JsonSerializerOptions Shape = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public string ToLine() => JsonSerializer.Serialize(new Written(Hub, NodeId, Token), Shape);

    /// <summary>Reads either form; hub and node id are empty where the text names none.</summary>
    public static NodeToken Parse(string text, string source)
    {
        var trimmed = text.Trim();
        if (trimmed.Length == 0)
        {
            throw CliException.Usage($"{source} is empty: `node-token` writes what belongs there.");
        }

        if (!trimmed.StartsWith('{'))
        {
            return trimmed.Any(char.IsWhiteSpace) ? throw Unreadable(source, "it is more than one word") : new NodeToken("", "", trimmed);
        }

        try
        {
            return JsonSerializer.Deserialize<Written>(trimmed, Shape) is { Hub.Length: > 0, NodeId.Length: > 0, NodeToken.Length: > 0 } written
                ? new NodeToken(written.Hub, written.NodeId, written.NodeToken)
                : throw Unreadable(source, "hub, node_id or node_token is missing");
        }
        catch (JsonException)
        {
            // Not its own message: that may quote the secret.
            throw Unreadable(source, "it is cut off or changed");
        }
    }

    private static CliException Unreadable(string source, string why) =>
        CliException.Usage($"{source} is no node token ({why}): copy the whole line that `node-token` prints.");

    private sealed record Written(string? Hub, string? NodeId, string? NodeToken);
}
