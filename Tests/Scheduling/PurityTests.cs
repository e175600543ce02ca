using System.Reflection;
using HiveMind.Scheduling;

namespace HiveMind.Tests.Scheduling;

public sealed class PurityTests
{
    private const BindingFlags Everything =
        BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    public static TheoryData<Type> PureTypes =>
    [
        typeof(SchedulerCore), typeof(PendingQueue), typeof(PoolPicture), typeof(WaitExplainer), typeof(NodeFit), typeof(FairShare), typeof(Shares),
        typeof(FitTree), typeof(TaskHeap), typeof(Ranking), typeof(RoomForecast), typeof(BinPackingPolicy), typeof(PowerOfTwoChoicesPolicy),
        typeof(BalancedSpreadPolicy), typeof(ResourceMath), typeof(SweepRules),
    ];

    [Theory]
    [MemberData(nameof(PureTypes))]
    public void PureRules_UseNoOrleansType(Type type)
    {
        var methods = type.GetMethods(Everything);
        var used = type.GetFields(Everything).Select(field => field.FieldType)
            .Concat(methods.SelectMany(method => method.GetParameters().Select(p => p.ParameterType).Append(method.ReturnType)))
            .Concat(methods.SelectMany(method => method.GetMethodBody()?.LocalVariables.Select(local => local.LocalType) ?? []))
            .Concat(type.GetCustomAttributesData().Select(attribute => attribute.AttributeType));
        Assert.DoesNotContain(used, it => it.Assembly.GetName().Name!.StartsWith("Orleans", StringComparison.Ordinal));
    }
}
