using Grpc.Core;
using HiveMind.Users;

namespace HiveMind.Edge;

/// <summary>Where a call comes from, as the connection (or a proxy that is trusted) says; empty where it is not known.</summary>
internal static class CallAddress
{
    private const int ClientLength = 80;

    /// <summary>With what the client says it is, made plain.</summary>
    public static CallOrigin OriginOf(ServerCallContext context) => new(Of(context), Plain(context.RequestHeaders.GetValue("user-agent")));

    public static string Plain(string? client) => string.Concat((client ?? "").Where(c => c is >= ' ' and <= '~').Take(ClientLength));

    public static string Of(ServerCallContext context)
    {
        var address = context.GetHttpContext().Connection.RemoteIpAddress;
        return address is null ? "" : (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
    }
}
