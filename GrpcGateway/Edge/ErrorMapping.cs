using System.Data.Common;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;

namespace HiveMind.Edge;

/// <summary>From what went wrong to what the caller is told: a status code with google.rpc details. Pure.</summary>
internal static class ErrorMapping
{
    private const string Domain = "hivemind";

    public static RpcException FromFailure(HiveMindException failure)
    {
        var problems = failure.Field is { } field ? [new FieldProblem(field, failure.Message)] : Array.Empty<FieldProblem>();
        return Build(CodeOf(failure.Kind), failure.Reason, failure.Message, problems, failure.RetryAfter);
    }

    public static RpcException FromProblems(InvalidRequestException invalid) =>
        Build(StatusCode.InvalidArgument, "INVALID_FIELD", invalid.Message, invalid.Problems, null);

    public static RpcException Unavailable(string reason, string message) =>
        Build(StatusCode.Unavailable, reason, message, [], TimeSpan.FromSeconds(1));

    public static RpcException Build(
        StatusCode code, string reason, string message, IReadOnlyList<FieldProblem>? problems = null, TimeSpan? retryAfter = null)
    {
        List<IMessage> details = [new ErrorInfo { Reason = reason, Domain = Domain }];
        if (problems is { Count: > 0 })
        {
            var bad = new BadRequest();
            bad.FieldViolations.AddRange(problems.Select(p => new BadRequest.Types.FieldViolation { Field = p.Field, Description = p.Fix }));
            details.Add(bad);
        }
        if (retryAfter is { } wait) details.Add(new RetryInfo { RetryDelay = Duration.FromTimeSpan(wait) });
        var status = new Google.Rpc.Status { Code = (int)code, Message = message };
        status.Details.AddRange(details.Select(d => Any.Pack(d)));
        return status.ToRpcException();
    }

    public static StatusCode CodeOf(FailureKind kind) => kind switch
    {
        FailureKind.InvalidArgument => StatusCode.InvalidArgument,
        FailureKind.AlreadyExists => StatusCode.AlreadyExists,
        FailureKind.NotFound => StatusCode.NotFound,
        FailureKind.PermissionDenied => StatusCode.PermissionDenied,
        FailureKind.Unauthenticated => StatusCode.Unauthenticated,
        FailureKind.FailedPrecondition => StatusCode.FailedPrecondition,
        FailureKind.Aborted => StatusCode.Aborted,
        FailureKind.ResourceExhausted => StatusCode.ResourceExhausted,
        FailureKind.Unavailable => StatusCode.Unavailable,
        _ => StatusCode.Internal,
    };

    /// <summary>
    /// A store or a silo is away, or an answer is late, so the outcome is unknown and trying again is right: the reason for it, or null
    /// when the exception is something else. Stores are known by name: the gateway references none of their drivers.
    /// </summary>
    public static string? TransientReason(Exception error)
    {
        for (var e = error; e is not null; e = e.InnerException)
        {
            var name = e is Orleans.Serialization.UnavailableExceptionFallbackException fallback ? fallback.ExceptionType ?? "" : e.GetType().FullName ?? "";
            if (e is DbException || name.StartsWith("StackExchange.Redis.", StringComparison.Ordinal)) return "STORE_UNAVAILABLE";
            if (name.Contains(".Sqlite", StringComparison.Ordinal) || name.Contains("RedisStorageException", StringComparison.Ordinal)) return "STORE_UNAVAILABLE";
            if (e is TimeoutException) return "TIMED_OUT";
            if (e is Orleans.Storage.InconsistentStateException) return "LOST_A_RACE";
            if (e is OrleansException) return "SILO_UNAVAILABLE";
        }
        return null;
    }
}
