using System.Text;
using HiveMind.Users;

namespace HiveMind.Tests.Users;

public sealed class UserRulesTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly byte[] Key = Encoding.UTF8.GetBytes("key");

    [Fact]
    public void Token_RoundTrip_AndItsHashIsNotItsSecret()
    {
        var token = SessionToken.NewSession("u-1");
        var parsed = SessionToken.TryParse(token.Format(Key), Key);

        Assert.Equal((token.Subject, token.SessionId), (parsed!.Subject, parsed.SessionId));
        Assert.Equal(token.Secret, parsed.Secret);
        Assert.Equal(32, token.Secret.Length);
        Assert.NotEqual(token.Secret, token.SecretHash);
    }

    [Theory]
    [InlineData("")]
    [InlineData("garbage")]
    [InlineData("hms_u~s~AAAA~AAAAAAAAAAA")]
    [InlineData("'; DROP TABLE users; --, and some more text")]
    public void Token_Garbage_IsRefused(string text) => Assert.Null(SessionToken.TryParse(text, Key));

    [Fact]
    public void Token_OfAnotherPool_IsRefused() => Assert.Null(SessionToken.TryParse(SessionToken.NewSession("u").Format(Key), Encoding.UTF8.GetBytes("other")));

    [Fact]
    public void Sessions_ExpireRenewAndEnd()
    {
        var token = SessionToken.NewSession("u");
        var user = SessionList.Add(new(), Session(token, Now.AddHours(1)), Now).User;
        Assert.NotNull(SessionList.Find(user, token.SessionId, token.SecretHash, Now.AddMinutes(59)));
        Assert.Null(SessionList.Find(user, token.SessionId, token.SecretHash, Now.AddHours(1)));
        Assert.Null(SessionList.Find(user, token.SessionId, new byte[32], Now));

        var renewed = Renew(user, token, Now.AddMinutes(30))!.Value;
        Assert.Equal(Now.AddMinutes(90), renewed.ExpiresAt);
        Assert.NotNull(SessionList.Find(renewed.User, token.SessionId, token.SecretHash, Now.AddMinutes(89)));
        Assert.Null(Renew(user, token, Now.AddHours(2)));
        Assert.Null(SessionList.Find(SessionList.Remove(user, [token.SessionId], Now), token.SessionId, token.SecretHash, Now));
    }

    [Fact]
    public void Sessions_RenewedAgainAndAgain_EndAtTheirGreatestAge()
    {
        var token = SessionToken.NewSession("u");
        var user = SessionList.Add(new(), Session(token, Now.AddHours(1)), Now).User;
        var at = Now;
        while (Renew(user, token, at) is { } renewed)
        {
            user = renewed.User;
            at += TimeSpan.FromMinutes(50);
        }

        Assert.NotNull(SessionList.Find(user, token.SessionId, token.SecretHash, Now.AddHours(3).AddSeconds(-1)));
        Assert.Null(SessionList.Find(user, token.SessionId, token.SecretHash, Now.AddHours(3)));
    }

    [Fact]
    public void Sessions_AboveTheLimit_TheLeastLatelyUsedGoesAndIsNamed()
    {
        var user = new UserRecord();
        IReadOnlyList<SessionRecord> ended = [];
        for (var i = 0; i < SessionList.Limit; i++)
            user = SessionList.Add(user, new() { SessionId = $"s{i}", ExpiresAt = Now.AddHours(1), LastUsedAt = Now.AddSeconds(i) }, Now).User;
        user = SessionList.Used(user, new Dictionary<string, DateTimeOffset> { ["s0"] = Now.AddMinutes(10) });

        (user, ended) = SessionList.Add(user, new() { SessionId = "new", ExpiresAt = Now.AddHours(1) }, Now);

        Assert.Equal(SessionList.Limit, user.Sessions.Count);
        Assert.Equal("s1", Assert.Single(ended).SessionId);
        Assert.Contains(user.Sessions, session => session.SessionId == "s0");
    }

    [Fact]
    public void PasswordHash_MatchesOnlyItsPassword_AndNamesItsParameters()
    {
        var salt = PasswordHash.NewSalt();
        var stored = PasswordHash.Compute("correct horse", salt, 1000);

        Assert.StartsWith("pbkdf2-sha512$1000$", stored);
        Assert.True(PasswordHash.Matches("correct horse", salt, stored));
        Assert.False(PasswordHash.Matches("wrong horse", salt, stored));
        Assert.False(PasswordHash.Matches("", "", PasswordHash.Locked));
    }

    [Fact]
    public void Verifier_ForgetsWithTheHashItWasCheckedAgainst()
    {
        var verifier = new CredentialVerifier();
        verifier.Remember("u1", "secret", "hash-1");

        Assert.True(verifier.Knows("u1", "secret", "hash-1"));
        Assert.False(verifier.Knows("u1", "other", "hash-1"));
        Assert.False(verifier.Knows("u1", "secret", "hash-2"));
    }

    private static (UserRecord User, DateTimeOffset ExpiresAt)? Renew(UserRecord user, SessionToken token, DateTimeOffset now) =>
        SessionList.Renew(user, token.SessionId, TimeSpan.FromHours(1), TimeSpan.FromHours(3), now);

    private static SessionRecord Session(SessionToken token, DateTimeOffset expires) =>
        new() { SessionId = token.SessionId, SecretHash = token.SecretHash, CreatedAt = Now, ExpiresAt = expires };
}
