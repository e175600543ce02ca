namespace HiveMind.Users;

public static class Roles
{
    public const string User = "user", Admin = "admin";
}
