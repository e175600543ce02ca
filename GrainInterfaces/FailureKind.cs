namespace HiveMind;

/// <summary>What a caller may be told went wrong; the gateway maps each kind to one gRPC code.</summary>
public enum FailureKind
{
    InvalidArgument = 1,
    AlreadyExists = 2,
    NotFound = 3,
    PermissionDenied = 4,
    Unauthenticated = 5,
    FailedPrecondition = 6,
    Aborted = 7,
    ResourceExhausted = 8,
    Unavailable = 9,
}
