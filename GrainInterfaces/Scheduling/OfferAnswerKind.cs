namespace HiveMind.Scheduling;

/// <summary>
/// Granted, or: NoRoom and Unreachable (still waits), NotPending (the task's record says it waits no more), TryAgain (nobody knows, or its account is
/// shut out and it is about to be cancelled), NoCredit (it waits until its account's balance covers what its tasks may cost).
/// </summary>
public enum OfferAnswerKind { Granted = 0, NoRoom = 1, NotPending = 2, TryAgain = 3, NoCredit = 4 }
