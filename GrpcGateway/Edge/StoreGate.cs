using HiveMind.Storage;

namespace HiveMind.Edge;

/// <summary>
/// Refuses at once what would only wait: every call while the state store is away, and new work while it is nearly full. It asks the silo's last verdict, no store.
/// </summary>
internal sealed class StoreGate(IStoreVerdict stores)
{
    public const string NearlyFull = "STORES_NEARLY_FULL";
    private const string Health = "/grpc.health.", Submit = "/nodepool.MasterNodeService/SubmitTask"; // and SubmitTasks
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(10);

    public void Check(string method)
    {
        if (method.StartsWith(Health, StringComparison.Ordinal)) return;
        if (stores.Away is { } away) throw HiveMindException.Unavailable("FLOOR_UNAVAILABLE", away);
        if (stores.Shortage is not { } shortage || !IsSubmit(method)) return;
        throw stores.IsFull ? HiveMindException.Unavailable("FLOOR_FULL", shortage) : HiveMindException.Exhausted(NearlyFull, shortage, Later);
    }

    public static bool IsSubmit(string method) => method.StartsWith(Submit, StringComparison.Ordinal);
}
