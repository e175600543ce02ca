using System.Security.Cryptography;
using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace HiveMind.Edge;

/// <summary>Whatever was thrown as a status of the contract; never UNKNOWN, never a stack trace.</summary>
internal sealed partial class CallFailures(IHostApplicationLifetime lifetime, TimeProvider time, ILogger<CallFailures> log)
{
    /// <summary>Where the hub itself ended the call, whatever that broke inside is not what the caller is told.</summary>
    public RpcException Translate(Exception error, ServerCallContext context) =>
        Translate(OpenCall.Of(context)?.EndedBy ?? error, context.Method, context.Deadline, context.CancellationToken);

    /// <summary>Before gRPC has the call.</summary>
    public RpcException Translate(Exception error, string method, CancellationToken cancel) => Translate(error, method, DateTime.MaxValue, cancel);

    private RpcException Translate(Exception error, string method, DateTime deadline, CancellationToken cancel) => error switch
    {
        RpcException said => said,
        HiveMindException failure => ErrorMapping.FromFailure(failure),
        _ when HiveMindException.UnreadableIn(error) is { } unreadable => ErrorMapping.FromFailure(unreadable),
        InvalidRequestException invalid => ErrorMapping.FromProblems(invalid),
        AggregateException { InnerExceptions: [var only] } => Translate(only, method, deadline, cancel),
        _ when cancel.IsCancellationRequested => Ended(deadline),
        OperationCanceledException or ObjectDisposedException when Stopping => Stopped(),
        OperationCanceledException => ErrorMapping.Unavailable("INTERRUPTED", "The hub gave up on this call: try again."),
        _ when ErrorMapping.TransientReason(error) is { } reason => Transient(reason, error, method),
        _ => Unexpected(error, method),
    };

    private bool Stopping => lifetime.ApplicationStopping.IsCancellationRequested;

    private static RpcException Stopped() => ErrorMapping.Unavailable("STOPPING", "This hub is stopping: try again.");

    /// <summary>The client is gone or out of time; what it is told only a proxy or a log reads.</summary>
    private RpcException Ended(DateTime deadline) => deadline.ToUniversalTime() <= time.GetUtcNow().UtcDateTime
        ? ErrorMapping.Build(StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED", "The call's deadline passed.")
        : Stopping ? Stopped() : ErrorMapping.Build(StatusCode.Cancelled, "CANCELLED", "The call was cancelled.");

    private RpcException Transient(string reason, Exception error, string method)
    {
        TransientFailure(method, reason, error.GetType().Name, error.Message);
        return ErrorMapping.Unavailable(reason, "A part of the hub does not answer; whether this call took effect is unknown. Try again.");
    }

    private RpcException Unexpected(Exception error, string method)
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
        UnexpectedFailure(error, id, method);
        return ErrorMapping.Build(StatusCode.Internal, "INTERNAL", $"internal error, id {id}");
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Method} unavailable, {Reason}: {Type} {Text}")]
    private partial void TransientFailure(string method, string reason, string type, string text);

    [LoggerMessage(Level = LogLevel.Error, Message = "Internal error {Id} in {Method}")]
    private partial void UnexpectedFailure(Exception error, string id, string method);
}
