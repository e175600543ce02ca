namespace HiveMind.Edge;

/// <summary>Who may call a method at all. What a caller may touch behind it is the method's own check.</summary>
internal enum RpcPolicy
{
    Anonymous,
    /// <summary>A session.</summary>
    User,
    /// <summary>A node token.</summary>
    Node,
    UserOrNode,
}

/// <summary>The one table of who may call what. A method without a row is refused, and a test walks the descriptors for missing rows.</summary>
internal static class RpcPolicies
{
    private static readonly Dictionary<string, RpcPolicy> Table = new()
    {
        ["/nodepool.UserService/RegisterUser"] = RpcPolicy.Anonymous,
        ["/nodepool.UserService/LoginUser"] = RpcPolicy.Anonymous,
        ["/nodepool.UserService/LogoutUser"] = RpcPolicy.User,
        ["/nodepool.UserService/GetUserInfo"] = RpcPolicy.User,
        ["/nodepool.UserService/UpdateUserProfile"] = RpcPolicy.User,
        ["/nodepool.UserService/RenewSession"] = RpcPolicy.User,

        ["/nodepool.NodeManagerService/RegisterNode"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/UnregisterNode"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/UpdateNodeStatus"] = RpcPolicy.UserOrNode,
        ["/nodepool.NodeManagerService/GetNodeInfo"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/ListNodes"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/CordonNode"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/DrainNode"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/UncordonNode"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/Work"] = RpcPolicy.Node,
        ["/nodepool.NodeManagerService/ReportTask"] = RpcPolicy.Node,
        ["/nodepool.NodeManagerService/FetchPayload"] = RpcPolicy.Node,
        ["/nodepool.NodeManagerService/SendOutput"] = RpcPolicy.Node,
        ["/nodepool.NodeManagerService/AppendOutput"] = RpcPolicy.Node,

        ["/nodepool.MasterNodeService/SubmitTask"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/SubmitTasks"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/ExplainTask"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/GetTaskStatus"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/CancelTask"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/GetTaskResult"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/WatchTask"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/UploadPayload"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/GetUploadPosition"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/DownloadResult"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/ListTasks"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/GetAnalytics"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/GetSystemStats"] = RpcPolicy.User,

        // Only mapped where Grpc:Reflection says so.
        ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"] = RpcPolicy.Anonymous,
        ["/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"] = RpcPolicy.Anonymous,

        ["/grpc.health.v1.Health/Check"] = RpcPolicy.Anonymous,
        ["/grpc.health.v1.Health/List"] = RpcPolicy.Anonymous,
        ["/grpc.health.v1.Health/Watch"] = RpcPolicy.Anonymous,
    };

    /// <summary>
    /// Every unary call but a worker's pieces of output: they come as fast as its programs print, each is answered before the next of its
    /// stream is sent, and their attempts' limits bound them.
    /// </summary>
    public static bool IsRateLimited(string method) => method != "/nodepool.NodeManagerService/AppendOutput";

    /// <summary>Null where there is no row: refused.</summary>
    public static RpcPolicy? Find(string method) => Table.TryGetValue(method, out var policy) ? policy : null;
}
