using System.Text.Json;
using System.Text.Json.Serialization;

namespace HiveMind.Cli;

/// <summary>The variables of a program as people write them: NAME=VALUE, or NAME for the value that it has here. What the pool keeps for itself the hub says. Pure.</summary>
internal static class EnvironmentWords
{
    private const int MaxName = 128;

    /// <summary>The last word for a name holds.</summary>
    public static Dictionary<string, string> Read(IEnumerable<string> words, Func<string, string?> here)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var word in words)
        {
            var cut = word.IndexOf('=', StringComparison.Ordinal);
            var name = cut < 0 ? word : word[..cut];
            variables[Checked(name)] = cut >= 0 ? word[(cut + 1)..]
                : here(name) ?? throw Wrong($"'{name}' is not set here: write {name}=VALUE.");
        }

        return variables;
    }

    private static string Checked(string name) =>
        name is { Length: > 0 and <= MaxName } && (char.IsAsciiLetter(name[0]) || name[0] == '_') && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_') ? name
            : throw Wrong($"'{name}' is no name of a variable: letters, digits and _, the first no digit, up to {MaxName}. Write --env NAME=VALUE.");

    private static CliException Wrong(string fix) => new(ExitCodes.Usage, $"--env: {fix}", "USAGE", [new FieldFault("environment", fix)]);
}

/// <summary>In a line of `submit-many`: an object of names and values, or a list of the words that `--env` takes.</summary>
internal sealed class EnvironmentJson : JsonConverter<IReadOnlyList<string>>
{
    public override IReadOnlyList<string> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var value = JsonDocument.ParseValue(ref reader);
        return value.RootElement.ValueKind switch
        {
            JsonValueKind.Object => [.. value.RootElement.EnumerateObject().Select(variable => $"{Name(variable.Name)}={Text(variable.Value)}")],
            JsonValueKind.Array => [.. value.RootElement.EnumerateArray().Select(Text)],
            _ => throw new JsonException(),
        };
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<string> value, JsonSerializerOptions options) => JsonSerializer.Serialize(writer, value, options);

    private static string Name(string name) => !name.Contains('=', StringComparison.Ordinal) ? name : throw new JsonException();

    private static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number => value.GetRawText(),
        _ => throw new JsonException(),
    };
}
