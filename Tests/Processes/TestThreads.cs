using System.Runtime.CompilerServices;

namespace HiveMind.Tests.Processes;

/// <summary>
/// Tests wait for other programs and for stores with threads of the pool. On a machine of two cores it begins with two of them and adds one or two a
/// second, so that what another test samples by a timer meanwhile would find nobody to do it.
/// </summary>
internal static class TestThreads
{
    [ModuleInitializer]
    internal static void Begin() => ThreadPool.SetMinThreads(64, 64);
}
