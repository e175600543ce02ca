using System.Diagnostics;

namespace HiveMind.Faults;

/// <summary>
/// Named places beside every durable write where a test lets the process die as by kill -9. One is armed by the environment
/// variable HIVEMIND_FAILPOINT=name or name:n (the n-th time it is passed). Not armed, a pass costs one comparison.
/// </summary>
public static class Failpoint
{
    private static readonly (string? Name, int At) Armed = Parse(Environment.GetEnvironmentVariable("HIVEMIND_FAILPOINT"));
    private static int _passes;

    public static void Hit(string name)
    {
        if (Armed.Name is null || Armed.Name != name || Interlocked.Increment(ref _passes) != Armed.At) return;
        Process.GetCurrentProcess().Kill();
        Thread.Sleep(Timeout.Infinite); // the signal is on its way: nothing behind this line may happen
    }

    private static (string?, int) Parse(string? text)
    {
        if (string.IsNullOrEmpty(text)) return (null, 0);
        var parts = text.Split(':', 2);
        return (parts[0], parts.Length == 2 ? int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture) : 1);
    }
}

/// <summary>Every failpoint, by the arrow of the commit table it stands at. `docs/architecture.md` lists what each leaves behind.</summary>
public static class Failpoints
{
    public const string RegisterUserBeforeCommit = "user.register.before", RegisterUserAfterCommit = "user.register.after";
    public const string SessionBeforeCommit = "session.before", SessionAfterCommit = "session.after";
    public const string NodeAfterIndex = "node.index.after", NodeAfterCommit = "node.commit.after";
    public const string SubmitAfterFile = "submit.file.after", SubmitAfterEntry = "submit.entry.after";
    public const string SubmitAfterIndex = "submit.index.after", SubmitAfterBirth = "submit.birth.after";
    public const string AssignAfterReservation = "assign.reserved", AssignAfterMark = "assign.mark.after", AssignAfterGrant = "assign.grant.after";
    public const string EndAfterFile = "end.file.after", EndAfterOutcome = "end.outcome.after", EndAfterDatabase = "end.books.after", EndAfterIndex = "end.index.after";
    public const string LostAfterEpoch = "lost.epoch.after", LostAfterAttempt = "lost.attempt.after";
    public const string EraseAfterKept = "erase.kept.after", EraseAfterStateStore = "erase.floor.after";
    public const string MigrateBegun = "migrate.begun", MigrateCopying = "migrate.copying";
    public const string MigrateBeforeCommit = "migrate.commit.before", MigrateAfterCommit = "migrate.commit.after";

    /// <summary>Those of a silo; the others are passed by `migrate`.</summary>
    public static readonly IReadOnlyList<string> All =
    [
        RegisterUserBeforeCommit, RegisterUserAfterCommit, SessionBeforeCommit, SessionAfterCommit, NodeAfterIndex, NodeAfterCommit,
        SubmitAfterFile, SubmitAfterEntry, SubmitAfterIndex, SubmitAfterBirth, AssignAfterReservation, AssignAfterMark, AssignAfterGrant,
        EndAfterFile, EndAfterOutcome, EndAfterDatabase, EndAfterIndex, LostAfterEpoch, LostAfterAttempt, EraseAfterKept, EraseAfterStateStore,
    ];
}
