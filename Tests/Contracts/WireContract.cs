using Google.Protobuf.Reflection;
using HiveMind.Protos;

namespace HiveMind.Tests.Contracts;

/// <summary>The wire as protobuf sees it: every method, message, field, enum value and reserved number.</summary>
internal static class WireContract
{
    public const string File = "wire.txt", About = "The wire of HiveMind: what programs of other versions send and read.";

    public static Contract Build() => Contract.Of(Facts(NodepoolReflection.Descriptor));

    public static IEnumerable<(string, string)> Facts(FileDescriptor file) =>
        file.Services.SelectMany(service => service.Methods).Select(method => ($"rpc {method.FullName}",
            $"({Streamed(method.IsClientStreaming)}{method.InputType.FullName}) returns ({Streamed(method.IsServerStreaming)}{method.OutputType.FullName})"))
        .Concat(file.MessageTypes.SelectMany(Facts))
        .Concat(file.EnumTypes.SelectMany(Facts));

    private static IEnumerable<(string, string)> Facts(MessageDescriptor message)
    {
        // An entry of a map is said by the map.
        if (message.ToProto().Options?.MapEntry == true) return [];
        var proto = message.ToProto();
        return message.Fields.InDeclarationOrder().Select(field => ($"field {message.FullName} {field.FieldNumber}", Shape(field)))
            .Append(($"message {message.FullName}", ""))
            .Concat(proto.ReservedRange.SelectMany(range => Enumerable.Range(range.Start, range.End - range.Start)).Select(number => ($"reserved {message.FullName} {number}", "")))
            .Concat(proto.ReservedName.Select(name => ($"reserved {message.FullName}.{name}", "")))
            .Concat(message.NestedTypes.SelectMany(Facts))
            .Concat(message.EnumTypes.SelectMany(Facts));
    }

    private static IEnumerable<(string, string)> Facts(EnumDescriptor many) =>
        many.Values.Select(value => ($"value {many.FullName}.{value.Name}", $"{value.Number}")).Append(($"enum {many.FullName}", ""));

    private static string Shape(FieldDescriptor field)
    {
        if (field.IsMap) return $"map<{Name(field.MessageType.FindFieldByNumber(1))}, {Name(field.MessageType.FindFieldByNumber(2))}> {field.Name}";
        var choice = field.RealContainingOneof is { } oneof ? $"oneof {oneof.Name} " : "";
        var many = field.IsRepeated ? "repeated " : field.ToProto().Proto3Optional ? "optional " : "";
        return $"{choice}{many}{Name(field)} {field.Name}";
    }

    private static string Name(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message or FieldType.Group => field.MessageType.FullName,
        FieldType.Enum => field.EnumType.FullName,
        var plain => plain.ToString().ToLowerInvariant(),
    };

    private static string Streamed(bool isStream) => isStream ? "stream " : "";
}
