namespace HiveMind.Faults;

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
