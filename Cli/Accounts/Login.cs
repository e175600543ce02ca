using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>A login as a stored session.</summary>
internal static class Login
{
    public static async Task<StoredSession> At(HubClient hub, string username, string password, CancellationToken stop)
    {
        var now = TimeProvider.System.GetUtcNow();
        var answer = await hub.Users.LoginUserAsync(
            new LoginUserRequest { Username = username, Password = password }, cancellationToken: stop);
        return new StoredSession(username, answer.UserId, answer.Role, answer.SessionToken, now, Times.Parse(answer.ExpiresAt))
        {
            MustChangePassword = answer.MustChangePassword,
        };
    }
}
