using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace HiveMind.Edge;

/// <summary>The `user_id` of a request, for every message that has that field: one rule for all methods, also for those to come.</summary>
internal static class RequestUserId
{
    /// <summary>Everybody's: nobody's id. Means something to lists only, which ask for the role admin themselves.</summary>
    public const string Everybody = "*";

    private static readonly ConcurrentDictionary<Type, FieldDescriptor?> Fields = new();

    public static string Of(object? request)
    {
        if (request is not IMessage message || request is Protos.ListTasksRequest { UserId: Everybody }) return "";
        var field = Fields.GetOrAdd(request.GetType(), static (_, m) => m.Descriptor.FindFieldByName("user_id"), message);
        return field?.FieldType == FieldType.String ? (string)field.Accessor.GetValue(message) : "";
    }
}
