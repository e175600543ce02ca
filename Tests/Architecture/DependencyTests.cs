using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using HiveMind.Nodes;
using HiveMind.Rewards;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Tests.Architecture;

/// <summary>Dependence runs one way: Protos → GrpcGateway → GrainInterfaces ← Grains, and the pure rules know no runtime.</summary>
public sealed class DependencyTests
{
    private static readonly Type[] PureRules =
    [
        typeof(SessionList), typeof(PasswordHash), typeof(CredentialVerifier), typeof(FailurePace), typeof(FailureCounts), typeof(FairQueue<>), typeof(Nfc),
    ];

    [Fact]
    public void GrainInterfaces_ReferenceNeitherProtobufNorRedis() =>
        Assert.DoesNotContain(References("HiveMind.GrainInterfaces"), name => Any(name, "Google.Protobuf", "Grpc", "Redis", "Sqlite", "SQLitePCL"));

    /// <summary>The compiler holds the rest: whatever names a type of Orleans does not build there.</summary>
    [Fact]
    public void Core_SeesTheContractsOnly() => Assert.DoesNotContain(References("HiveMind.Core"), name => name.StartsWith("HiveMind.", StringComparison.Ordinal)
        ? name != "HiveMind.GrainInterfaces" : Any(name, "Orleans", "Microsoft.Extensions", "Google.Protobuf", "Grpc", "Redis", "Sqlite"));

    [Fact]
    public void GrpcGateway_DoesNotReferenceGrains() =>
        Assert.DoesNotContain(References("HiveMind.GrpcGateway"), name => Any(name, "HiveMind.Grains", "HiveMind.Silo", "Redis", "Sqlite"));

    [Fact]
    public void Grains_ReferenceNeitherProtobufNorRedisNorSql() =>
        Assert.DoesNotContain(References("HiveMind.Grains"), name => Any(name, "HiveMind.Protos", "HiveMind.GrpcGateway", "Google.Protobuf", "Grpc", "Redis", "Sqlite"));

    [Fact]
    public void Worker_KnowsOnlyTheWire() =>
        Assert.DoesNotContain(References("HiveMind.Worker"), name => Any(name, "HiveMind.Grain", "HiveMind.Silo", "Orleans"));

    [Fact]
    public void Web_SeesContractsOnly() =>
        Assert.DoesNotContain(References("HiveMind.Web"), name =>
            Any(name, "HiveMind.Grains", "HiveMind.Silo", "HiveMind.GrpcGateway", "HiveMind.Protos", "Google.Protobuf", "Grpc", "Redis", "Sqlite"));

    [Fact]
    public void PureRules_UseNoOrleansRuntimeType()
    {
        // Whole folders would hide a rule that moved; the types are named, and what each of them mentions is read from its code.
        foreach (var rule in PureRules)
            Assert.DoesNotContain(Mentions(rule), name => name.StartsWith("Orleans.", StringComparison.Ordinal) && !name.StartsWith("Orleans.Serialization", StringComparison.Ordinal)
                && name is not ("Orleans.AliasAttribute" or "Orleans.IdAttribute" or "Orleans.GenerateSerializerAttribute" or "Orleans.Concurrency.ImmutableAttribute"));
    }

    private static bool Any(string name, params string[] parts) => parts.Any(part => name.Contains(part, StringComparison.Ordinal));

    private static IEnumerable<string> References(string assembly) => Assembly.Load(assembly).GetReferencedAssemblies().Select(name => name.Name!);

    /// <summary>Full names of every type that the methods of a type and its nested types use, by their metadata tokens.</summary>
    private static HashSet<string> Mentions(Type type)
    {
        using var file = new PEReader(File.OpenRead(type.Assembly.Location));
        var metadata = file.GetMetadataReader();
        var names = new HashSet<string>();
        foreach (var method in type.GetNestedTypes(BindingFlags.NonPublic | BindingFlags.Public).Append(type)
            .SelectMany(t => t.GetMethods(BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance)))
        {
            foreach (var parameter in method.GetParameters()) names.Add(parameter.ParameterType.FullName ?? "");
            if (method.GetMethodBody() is not { } body) continue;
            foreach (var local in body.LocalVariables) names.Add(local.LocalType.FullName ?? "");
            var code = body.GetILAsByteArray()!;
            for (var i = 0; i + 4 < code.Length; i++)
            {
                // call, callvirt, newobj, ldsfld, ldfld and friends carry a 4-byte token; a wrong guess resolves to nothing.
                if (code[i] is not (0x28 or 0x6F or 0x73 or 0x7B or 0x7E or 0x74 or 0x75)) continue;
                if (Declaring(metadata, BitConverter.ToInt32(code, i + 1)) is { } name) names.Add(name);
            }
        }

        return names;
    }

    private static string? Declaring(MetadataReader metadata, int token)
    {
        var handle = (token >> 24) switch
        {
            0x0A when (token & 0xFFFFFF) is > 0 and var row && row <= metadata.GetTableRowCount(TableIndex.MemberRef) =>
                metadata.GetMemberReference((MemberReferenceHandle)MetadataTokens.Handle(token)).Parent,
            _ => default,
        };
        if (handle.IsNil || handle.Kind != HandleKind.TypeReference) return null;
        var reference = metadata.GetTypeReference((TypeReferenceHandle)handle);
        return $"{metadata.GetString(reference.Namespace)}.{metadata.GetString(reference.Name)}";
    }
}
