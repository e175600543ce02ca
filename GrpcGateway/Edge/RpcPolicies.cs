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
    /// <summary>A session of an admin.</summary>
    Admin,
}

/// <summary>
/// What a method asks of its callers: who they are, how large one message may be once it is unpacked, and whether their rate counts. Where a row
/// names only who, the limits are the ordinary ones.
/// </summary>
internal sealed record RpcRule(RpcPolicy Who, int MessageBytes, bool IsRateLimited = true)
{
    public static implicit operator RpcRule(RpcPolicy who) => new(who, who == RpcPolicy.Anonymous ? Limits.AnonymousBytes : Limits.OrdinaryBytes);
}

/// <summary>The one table of who may call what. A method without a row is refused, and a test walks the descriptors for missing rows.</summary>
internal static class RpcPolicies
{
    private static readonly Dictionary<string, RpcRule> Table = new()
    {
        ["/nodepool.UserService/RegisterUser"] = RpcPolicy.Anonymous,
        ["/nodepool.UserService/LoginUser"] = RpcPolicy.Anonymous,
        ["/nodepool.UserService/LogoutUser"] = RpcPolicy.User,
        ["/nodepool.UserService/GetUserInfo"] = RpcPolicy.User,
        ["/nodepool.UserService/UpdateUserProfile"] = RpcPolicy.User,
        ["/nodepool.UserService/RenewSession"] = RpcPolicy.User,
        ["/nodepool.UserService/ListSessions"] = RpcPolicy.User,
        ["/nodepool.UserService/RevokeSessions"] = RpcPolicy.User,

        ["/nodepool.AdminService/ListUsers"] = RpcPolicy.Admin,
        ["/nodepool.AdminService/GetUser"] = RpcPolicy.Admin,
        ["/nodepool.AdminService/SetUserRole"] = RpcPolicy.Admin,
        ["/nodepool.AdminService/SetUserActive"] = RpcPolicy.Admin,
        ["/nodepool.AdminService/ResetPassword"] = RpcPolicy.Admin,
        ["/nodepool.AdminService/EndSessions"] = RpcPolicy.Admin,
        ["/nodepool.AdminService/AdjustCredits"] = RpcPolicy.Admin,
        ["/nodepool.AdminService/MakeRegistrationCode"] = RpcPolicy.Admin,
        ["/nodepool.AdminService/ListRegistrationCodes"] = RpcPolicy.Admin,
        ["/nodepool.AdminService/RevokeRegistrationCode"] = RpcPolicy.Admin,
        ["/nodepool.AdminService/ListAudit"] = RpcPolicy.Admin,

        ["/nodepool.NodeManagerService/RegisterNode"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/UnregisterNode"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/UpdateNodeStatus"] = RpcPolicy.UserOrNode,
        ["/nodepool.NodeManagerService/GetNodeInfo"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/ListNodes"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/CordonNode"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/DrainNode"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/UncordonNode"] = RpcPolicy.User,
        ["/nodepool.NodeManagerService/RevokeNodeToken"] = RpcPolicy.User,
        // A worker's bytes come as fast as its programs read and print, and their attempts' limits bound them.
        ["/nodepool.NodeManagerService/Work"] = RpcPolicy.Node,
        ["/nodepool.NodeManagerService/ReportTask"] = RpcPolicy.Node,
        ["/nodepool.NodeManagerService/FetchPayload"] = new(RpcPolicy.Node, Limits.OrdinaryBytes, IsRateLimited: false),
        ["/nodepool.NodeManagerService/SendOutput"] = new(RpcPolicy.Node, Limits.OrdinaryBytes, IsRateLimited: false),
        ["/nodepool.NodeManagerService/AppendOutput"] = new(RpcPolicy.Node, Limits.OrdinaryBytes, IsRateLimited: false),

        ["/nodepool.MasterNodeService/SubmitTask"] = new(RpcPolicy.User, Limits.MessageBytes),
        ["/nodepool.MasterNodeService/SubmitTasks"] = new(RpcPolicy.User, Limits.BatchBytes),
        ["/nodepool.MasterNodeService/ExplainTask"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/GetTaskStatus"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/CancelTask"] = RpcPolicy.User,
        ["/nodepool.MasterNodeService/CancelTasks"] = RpcPolicy.User,
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

    /// <summary>What an account may still do whose password an admin made: change it, see who it is, leave.</summary>
    public static bool IsOpenBeforePasswordChange(string? method) => method is "/nodepool.UserService/UpdateUserProfile"
        or "/nodepool.UserService/GetUserInfo" or "/nodepool.UserService/LogoutUser";

    /// <summary>Null where there is no row: refused.</summary>
    public static RpcRule? Find(string method) => Table.GetValueOrDefault(method);
}
