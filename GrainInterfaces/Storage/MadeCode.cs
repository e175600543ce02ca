namespace HiveMind.Storage;

public sealed record MadeCode(string Code, RegistrationCode Registered);
