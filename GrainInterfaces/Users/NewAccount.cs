namespace HiveMind.Users;

public sealed record NewAccount(string Username, string Password, string Email, string DisplayName, string AdminCode, string RegistrationCode = "");
