namespace HiveMind.Storage;

public sealed record RegistrationCode(
    string CodeId, string MadeBy, DateTimeOffset MadeAt, DateTimeOffset ExpiresAt, int Uses, int UsesLeft, string Note, string OnlyName);
