using HiveMind.Auditing;

namespace HiveMind.Storage;

/// <summary>How an account begins: its credits, who makes it, and the codes (as given) that let it in.</summary>
public sealed record AccountOpening(long StartingMicros, Actor By, string AdminCode = "", string RegistrationCode = "");
