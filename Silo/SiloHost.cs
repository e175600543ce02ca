namespace HiveMind;

/// <summary>The server's whole life, so that `hivemind silo` and the Silo project start the same thing.</summary>
public static class SiloHost
{
    public static Task<int> Run(string[] args) => Task.FromResult(args.Length);
}
