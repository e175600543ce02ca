using HiveMind.Edge;
using HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

public sealed class RpcPolicyTests
{
    [Fact]
    public void Find_EveryRpcOfTheProto_HasARow()
    {
        var methods = NodepoolReflection.Descriptor.Services.SelectMany(s => s.Methods.Select(m => $"/{s.FullName}/{m.Name}")).ToArray();
        Assert.True(methods.Length >= 18);
        Assert.DoesNotContain(methods, m => RpcPolicies.Find(m) is null);
    }

    [Fact]
    public void Find_UnknownMethod_NoPolicy() => Assert.Null(RpcPolicies.Find("/nodepool.UserService/DropTables"));

    [Fact]
    public void Find_AnonymousMethods_AreRegisterLoginAndHealthOnly()
    {
        var open = NodepoolReflection.Descriptor.Services.SelectMany(s => s.Methods.Select(m => $"/{s.FullName}/{m.Name}"))
            .Where(m => RpcPolicies.Find(m) == RpcPolicy.Anonymous);
        Assert.Equal(["/nodepool.UserService/LoginUser", "/nodepool.UserService/RegisterUser"], open.Order());
    }
}
