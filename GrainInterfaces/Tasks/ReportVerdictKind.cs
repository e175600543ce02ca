namespace HiveMind.Tasks;

public enum ReportVerdictKind { Accepted = 0, Stale = 1, TryAgain = 2 }
