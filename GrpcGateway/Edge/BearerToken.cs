using HiveMind.Storage;
using HiveMind.Users;

namespace HiveMind.Edge;

/// <summary>What came as `authorization`. Given without a token means garbage: refused by its tag, no grain woken.</summary>
internal sealed record BearerToken(bool Given, SessionToken? Token)
{
    private const string Scheme = "Bearer ";

    public static BearerToken Read(string? header, IPoolDatabase database)
    {
        if (header is null) return new BearerToken(false, null);
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return new BearerToken(true, null);
        return new BearerToken(true, SessionToken.TryParse(header[Scheme.Length..].Trim(), database.TokenTagKey));
    }
}
