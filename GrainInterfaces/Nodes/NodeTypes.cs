namespace HiveMind.Nodes;

public static class NodeTypes
{
    public const string Worker = "worker", Master = "master";
}
