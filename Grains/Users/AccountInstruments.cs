using System.Diagnostics.Metrics;
using HiveMind.Monitoring;
using static HiveMind.Monitoring.HubTelemetry;

namespace HiveMind.Users;

/// <summary>Accounts and logins, counted and never named.</summary>
internal static class AccountInstruments
{
    private static readonly Counter<long> Registrations = Figures.CreateCounter<long>("hivemind.accounts.registered", "{account}", "Accounts that were made.");
    private static readonly Counter<long> Logins = Figures.CreateCounter<long>("hivemind.logins", "{login}", "Logins by outcome.");
    private static readonly Counter<long> Logouts = Figures.CreateCounter<long>("hivemind.logouts", "{logout}", "Sessions ended by their owners.");
    private static readonly Counter<long> Refusals =
        Figures.CreateCounter<long>("hivemind.hashing.refused", "{password}", "Passwords not looked at because too many were waiting.");
    private static readonly Counter<long> Throttles =
        Figures.CreateCounter<long>("hivemind.accounts.throttled", "{try}", "Logins and registrations told to wait because of earlier ones.");
    private static readonly UpDownCounter<long> Queue =
        Figures.CreateUpDownCounter<long>("hivemind.hashing.queue", "{password}", "Passwords being hashed or waiting for it.");

    public static void Announce()
    {
        Registrations.Add(0);
        Logouts.Add(0);
        Refusals.Add(0);
        Throttles.Add(0);
        Queue.Add(0);
        foreach (var outcome in new[] { "ok", "refused" }) Logins.Add(0, Tag("outcome", outcome));
    }

    public static void Registered() => Registrations.Add(1);

    public static void LoggedIn() => Logins.Add(1, Tag("outcome", "ok"));

    public static void LoginRefused() => Logins.Add(1, Tag("outcome", "refused"));

    public static void Throttled() => Throttles.Add(1);

    public static void LoggedOut() => Logouts.Add(1);

    public static void HashingAsked() => Queue.Add(1);

    public static void HashingDone() => Queue.Add(-1);

    public static void HashingRefused() => Refusals.Add(1);
}
