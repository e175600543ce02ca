using Grpc.Core;
using HiveMind.Cli;
using HiveMind.Protos;

namespace HiveMind.Tests.Cli;

/// <summary>The account that `up` makes for its machine, at a hub that answers what a test wants.</summary>
public sealed class LocalAccountTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hivemind-local-account-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>The same word as any other refused login, and its exit code; not a wrong command line.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task EnsureLogin_WhereNoLoginIsTaken_IsUnauthenticated(bool hasAnAccount)
    {
        await using var hub = await FakeHub.Start();
        var registered = 0;
        hub.Answers = (_, request) =>
        {
            if (request is not RegisterUserRequest) throw new RpcException(new Status(StatusCode.Unauthenticated, "No."));
            registered++;
            return [new RegisterUserResponse()];
        };
        if (hasAnAccount) File.WriteAllText(Path.Combine(_folder, "local-account.json"), """{ "username": "local", "password": "of another hub" }""");
        var account = new LocalAccount(_folder, Path.Combine(_folder, "books.db"));

        var refused = await Assert.ThrowsAsync<CliException>(() => account.EnsureLogin(hub.Address, new SessionFile(_folder), new KnownHubs(_folder), TestContext.Current.CancellationToken));

        Assert.Equal(1, registered);
        Assert.Equal(("UNAUTHENTICATED", ExitCodes.NotLoggedIn), (refused.Reason, refused.ExitCode));
    }
}
