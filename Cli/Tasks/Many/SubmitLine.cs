using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace HiveMind.Cli;

/// <summary>One line of `submit-many`: a JSON object with the words of `submit` as fields. Numbers may be written as numbers.</summary>
internal static class SubmitLine
{
    private static readonly JsonSerializerOptions Shape = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new TextOrNumber() },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { NothingIsRequired } },
    };

    private static readonly string[] Fields = [.. Shape.GetTypeInfo(typeof(SubmitInput)).Properties.Where(field => field.Set is not null).Select(field => field.Name)];

    /// <summary>Usage, with what is wrong, when it is no task. A field that is null is left out.</summary>
    public static SubmitInput Parse(string line, string requestId)
    {
        try
        {
            if (JsonNode.Parse(line, documentOptions: new() { AllowDuplicateProperties = false }) is not JsonObject task)
                throw CliException.Usage("is no JSON object.");
            if (task.FirstOrDefault(field => !Fields.Contains(field.Key)) is { Key: { } unknown })
                throw CliException.Usage($"'{unknown}' is no field: {string.Join(", ", Fields)}.");
            foreach (var (name, _) in task.Where(field => field.Value is null).ToList()) task.Remove(name);
            var input = task.Deserialize<SubmitInput>(Shape)!;
            if (input.File == "-" || input.StandardInputFile == "-") throw CliException.Usage("'-' is no file here.");
            return string.IsNullOrEmpty(input.RequestId) ? input with { RequestId = requestId } : input;
        }
        catch (JsonException wrong) when (wrong.Path is { Length: > 2 } path)
        {
            throw CliException.Usage($"{path[2..]}: not a value of its kind.");
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            throw CliException.Usage($"is no JSON: {broken.Message}");
        }
    }

    /// <summary>The request id is made here when there is none.</summary>
    private static void NothingIsRequired(JsonTypeInfo type)
    {
        foreach (var field in type.Properties) field.IsRequired = false;
    }

    private sealed class TextOrNumber : JsonConverter<string>
    {
        public override bool HandleNull => true;

        public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType == JsonTokenType.String) return reader.GetString()!;
            if (reader.TokenType != JsonTokenType.Number) throw new JsonException();
            using var number = JsonDocument.ParseValue(ref reader);
            return number.RootElement.GetRawText();
        }

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
    }
}
