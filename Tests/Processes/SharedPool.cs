using Google.Rpc;
using Grpc.Core;

namespace HiveMind.Tests.Processes;

/// <summary>One silo for all tests of a class.</summary>
public abstract class SharedPool(params string[] settings) : IAsyncLifetime
{
    public PoolProcess Pool { get; } = new(settings);

    public virtual async ValueTask InitializeAsync() => await Pool.Start();

    public virtual ValueTask DisposeAsync()
    {
        Pool.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

/// <summary>What a refused call said, from its google.rpc details.</summary>
internal sealed record Refusal(StatusCode Code, string Reason, string Fields, bool SaysWhenToRetry)
{
    public static async Task<Refusal> Of<T>(AsyncUnaryCall<T> call)
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await call);
        var details = error.GetRpcStatus();
        var fields = details?.GetDetail<BadRequest>()?.FieldViolations.Select(violation => violation.Field) ?? [];
        return new(error.StatusCode, details?.GetDetail<ErrorInfo>()?.Reason ?? "", string.Join(' ', fields), details?.GetDetail<RetryInfo>() is not null);
    }
}

internal static class Repository
{
    /// <summary>The folder with the solution, above the tests' binary.</summary>
    public static string Root { get; } = Find(new DirectoryInfo(AppContext.BaseDirectory));

    private static string Find(DirectoryInfo? folder) =>
        folder is null ? throw new InvalidOperationException("the tests do not run from a checkout")
        : File.Exists(Path.Combine(folder.FullName, "HiveMind.Orleans.sln")) ? folder.FullName : Find(folder.Parent);
}
