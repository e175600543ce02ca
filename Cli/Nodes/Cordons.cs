using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>A machine that is given nothing new, in words and as scripts read it.</summary>
internal static class Cordons
{
    /// <summary>Names are a promise: append only.</summary>
    public static object Shape(NodeInfo node) => new { node.NodeId, node.Cordoned, node.CordonedUntil, node.DrainDeadline, node.TaskCount };

    public static string Sentence(NodeInfo node) => node.Cordoned
        + (node.CordonedUntil.Length > 0 ? $"; tried again at {node.CordonedUntil}" : "")
        + (node.DrainDeadline.Length > 0 ? $"; what runs there at {node.DrainDeadline} is taken back" : "");

    public static string Runs(NodeInfo node) => node.TaskCount switch { 0 => "nothing runs there", 1 => "1 task runs there", var n => $"{n} tasks run there" };
}
