namespace HiveMind.Storage;

/// <summary>OnlyName: the one user name it is for, also a reserved one; empty: any.</summary>
public sealed record CodeSpec(int Uses, TimeSpan GoodFor, string Note = "", string OnlyName = "");
