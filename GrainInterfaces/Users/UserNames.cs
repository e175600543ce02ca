namespace HiveMind.Users;

/// <summary>Which user names mean something else than a user. Pure.</summary>
public static class UserNames
{
    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        "local", "hub", "mint", "hivemind", "operator", "system", "admin", "administrator", "root", "support", "security", "anonymous", "nobody", "everybody",
    };

    /// <summary>Given only to who holds the admin code, or a code made for that name.</summary>
    public static bool IsReserved(string username) => Reserved.Contains(username);
}
