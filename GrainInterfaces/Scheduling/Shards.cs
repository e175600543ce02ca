namespace HiveMind.Scheduling;

public static class Shards
{
    public const string Default = "default/0";
}
