using System.Globalization;
using Grpc.Core;

namespace HiveMind.Tests.Processes;

public sealed class AccountPool() : SharedPool("RateLimit:RequestsPerSecond=1", "RateLimit:Burst=20")
{
    public Login Admin { get; private set; } = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        var code = await File.ReadAllTextAsync(Path.Combine(Pool.DataDirectory, "admin-code"));
        await Pool.Users.RegisterUserAsync(new() { Username = "root", Password = "correct horse battery", Email = "root@example.org", AdminCode = code });
        Admin = await Pool.LogIn("root");
    }
}

/// <summary>Sessions, roles and limits of one real silo.</summary>
public sealed class AccountProcessTests(AccountPool shared) : IClassFixture<AccountPool>
{
    [Fact]
    public async Task Account_Deactivated_LosesItsSessionAndCannotLogIn()
    {
        var user = await shared.Pool.NewUser("leaver");
        var denied = await Refusal.Of(shared.Pool.Users.UpdateUserProfileAsync(new() { Role = "admin" }, user.Metadata));

        await shared.Pool.Users.UpdateUserProfileAsync(new() { UserId = user.UserId, IsActive = "false" }, shared.Admin.Metadata);

        var session = await Refusal.Of(shared.Pool.Users.GetUserInfoAsync(new(), user.Metadata));
        var login = await Refusal.Of(shared.Pool.Users.LoginUserAsync(new() { Username = "leaver", Password = "correct horse battery" }));
        Assert.Equal((StatusCode.PermissionDenied, "ADMIN_ONLY"), (denied.Code, denied.Reason));
        Assert.Equal((StatusCode.Unauthenticated, StatusCode.Unauthenticated), (session.Code, login.Code));
    }

    [Fact]
    public async Task Session_Renewed_EndsLaterAndTheLoginIsNoted()
    {
        await shared.Pool.Users.RegisterUserAsync(new() { Username = "stayer", Password = "correct horse battery", Email = "stayer@example.org" });
        var login = await shared.Pool.Users.LoginUserAsync(new() { Username = "stayer", Password = "correct horse battery" });
        var token = PoolProcess.Bearer(login.SessionToken);

        var renewed = await shared.Pool.Users.RenewSessionAsync(new(), token);
        var info = (await shared.Pool.Users.GetUserInfoAsync(new(), token)).User;

        Assert.True(Time(renewed.ExpiresAt) > Time(login.ExpiresAt), $"{login.ExpiresAt} became {renewed.ExpiresAt}");
        Assert.True(Time(info.LastLogin) >= Time(info.CreatedAt), $"made {info.CreatedAt}, last login {info.LastLogin}");
        Assert.Equal(("user", true), (info.Role, info.IsActive));
    }

    [Fact]
    public async Task AdminCode_UsedASecondTime_IsRefusedAndItsFileIsGone()
    {
        var refusal = await Refusal.Of(shared.Pool.Users.RegisterUserAsync(
            new() { Username = "second", Password = "correct horse battery", Email = "second@example.org", AdminCode = new string('a', 40) }));

        Assert.Equal((StatusCode.PermissionDenied, "ADMIN_CODE_WRONG"), (refusal.Code, refusal.Reason));
        Assert.False(File.Exists(Path.Combine(shared.Pool.DataDirectory, "admin-code")));
    }

    [Fact]
    public async Task Calls_AboveTheRate_AreToldWhenToRetry()
    {
        var flooder = await shared.Pool.NewUser("flooder"); // has a bucket of its own
        Refusal? refusal = null;
        for (var calls = 0; calls < 200 && refusal is null; calls++)
        {
            var call = shared.Pool.Users.GetUserInfoAsync(new(), flooder.Metadata);
            try
            {
                await call;
            }
            catch (RpcException)
            {
                refusal = await Refusal.Of(call);
            }
        }

        Assert.Equal(new Refusal(StatusCode.ResourceExhausted, "RATE_LIMIT", "", SaysWhenToRetry: true), refusal);
    }

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}
