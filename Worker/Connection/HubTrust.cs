using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;

namespace HiveMind.Workers.Connection;

/// <summary>
/// Whom a client takes for its hub. An address with a pin: whoever holds that key, whatever its certificate says of names and dates. One
/// without: whom this machine trusts. Nobody else, and nothing is sent before that is settled.
/// </summary>
public static class HubTrust
{
    public static void Apply(SocketsHttpHandler handler, Uri hub)
    {
        if (hub.Scheme == Uri.UriSchemeHttps)
            handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, chain, errors) => Check(hub, shown, chain, errors);
    }

    /// <summary>The address alone, as a channel wants it and people read it.</summary>
    public static Uri Bare(Uri hub) => new(hub.GetLeftPart(UriPartial.Authority));

    /// <summary>Whether a call failed because its hub was not trusted, and why.</summary>
    public static HubNotTrustedException? Refusal(RpcException failed)
    {
        for (var cause = failed.Status.DebugException ?? failed.InnerException; cause is not null; cause = cause.InnerException)
        {
            if (cause is HubNotTrustedException refusal)
                return refusal;
        }
        return null;
    }

    /// <summary>Whether a call failed because there was no TLS at the other end.</summary>
    public static bool SpokeNoTls(RpcException failed)
    {
        for (var cause = failed.Status.DebugException ?? failed.InnerException; cause is not null; cause = cause.InnerException)
        {
            if (cause is AuthenticationException)
                return true;
        }
        return false;
    }

    internal static bool Check(Uri hub, X509Certificate? shown, X509Chain? chain, SslPolicyErrors errors)
    {
        if (shown is not X509Certificate2 certificate)
            throw new HubNotTrustedException(hub, null, "it shows no certificate");
        var (expected, key) = (HubPin.Of(hub), HubPin.Of(certificate));
        if (expected is null)
            return errors == SslPolicyErrors.None ? true : throw new HubNotTrustedException(hub, key, Why(chain, errors));
        return key == expected ? true : throw new HubNotTrustedException(hub, key, $"its key is {key}, not {expected}");
    }

    private static string Why(X509Chain? chain, SslPolicyErrors errors)
    {
        var reasons = chain?.ChainStatus.Select(status => status.Status.ToString()) ?? [];
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            reasons = reasons.Append("made for another name");
        return $"this machine does not trust its certificate ({string.Join(", ", reasons)})";
    }
}

/// <summary>The hub at an address is not the one that was meant, as far as can be told.</summary>
public sealed class HubNotTrustedException(Uri hub, HubPin? shown, string why)
    : Exception($"The hub at {hub.GetLeftPart(UriPartial.Authority)} is not trusted: {why}. Nothing was sent to it.")
{
    /// <summary>The key it showed.</summary>
    public HubPin? Shown { get; } = shown;
    /// <summary>Another key was expected, instead of none.</summary>
    public bool IsOtherKey { get; } = HubPin.Of(hub) is not null;
}
