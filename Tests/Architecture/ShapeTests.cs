using System.Reflection;

namespace HiveMind.Tests.Architecture;

/// <summary>How the code is laid out where a reader looks first.</summary>
public sealed class ShapeTests
{
    private const int MostDependencies = 8;

    /// <summary>What needs more does more than one thing: part it by what a user does.</summary>
    [Fact]
    public void Gateway_EndpointsAndHandlers_HaveFewDependencies()
    {
        var types = Assembly.Load("HiveMind.GrpcGateway").GetTypes()
            .Where(type => type.Name.EndsWith("Endpoint", StringComparison.Ordinal) || type.Name.EndsWith("Handler", StringComparison.Ordinal)).ToList();

        Assert.True(types.Count >= 15, $"Only {types.Count} found.");
        Assert.DoesNotContain(types, type => type.GetConstructors().Any(made => made.GetParameters().Length > MostDependencies));
    }
}
