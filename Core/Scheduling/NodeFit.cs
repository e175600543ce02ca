using System.Globalization;

namespace HiveMind.Scheduling;

/// <summary>What a node lacks to run a task, even if it were empty: the steps of feasibility one by one, in words.</summary>
internal static class NodeFit
{
    public static bool RunsType(NodeView node, Shape shape) => node.TaskTypes.Contains(shape.Key.TaskType);

    public static bool ServesUser(NodeView node, Account account) => node.AcceptsStrangers || node.OwnerId == account.UserId;

    /// <summary>A sentence for each thing it lacks, none: it would take the task.</summary>
    public static IReadOnlyList<string> Lacks(NodeView node, Shape shape, Account account)
    {
        var lacks = new List<string>();
        if (!RunsType(node, shape)) lacks.Add($"It does not run tasks of type '{shape.Key.TaskType}'.");
        if (!ServesUser(node, account)) lacks.Add("It takes only its owner's tasks.");
        lacks.AddRange(shape.Labels.Lacks(node.Labels));
        Compare(lacks, shape.Request.Gpus, node.Total.Gpus, n => $"{n} GPUs");
        Compare(lacks, shape.Request.MilliCores, node.Total.MilliCores, Cores);
        Compare(lacks, shape.Request.MemoryMb, node.Total.MemoryMb, n => $"{n} MB of memory");
        Compare(lacks, shape.Request.DiskMb, node.Total.DiskMb, n => $"{n} MB of disk");
        if (!node.CanTakeWork) lacks.Add(node.Cordoned.Length > 0 ? $"It is cordoned: {node.Cordoned}" : "It takes no new work now: it is leaving.");
        return lacks;
    }

    public static string Size(in ResourceVector size) => $"{Cores(size.MilliCores)} and {size.MemoryMb} MB" + (size.DiskMb > 0 ? $" with {size.DiskMb} MB of disk" : "");

    private static string Cores(int milliCores) => string.Create(CultureInfo.InvariantCulture, $"{milliCores / 1000m:0.###} cores");

    private static void Compare(List<string> lacks, int asked, int has, Func<int, string> words)
    {
        if (asked > has) lacks.Add($"It lends {words(has)}, the task asks for {words(asked)}.");
    }
}
