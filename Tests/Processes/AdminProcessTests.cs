using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

public sealed class AdminPool() : SharedPool("RateLimit:RequestsPerSecond=100000", "RateLimit:Burst=100000");

/// <summary>Admins and strangers at one real silo, through real sockets and the command line.</summary>
public sealed class AdminProcessTests(AdminPool shared) : IClassFixture<AdminPool>
{
    private const string Password = "correct horse battery";

    private AdminService.AdminServiceClient Admin => new(shared.Pool.Channel);

    [Fact]
    public async Task AdminCode_MadeAnewWhileTheHubRuns_LetsAnAdminInAndTheLastOneStays()
    {
        using var command = HivemindProcess.Start(null, "admin-code", $"--HiveMind:DataDirectory={shared.Pool.DataDirectory}");
        Assert.Equal(0, await command.Exited(TimeSpan.FromSeconds(30)));
        var file = Path.Combine(shared.Pool.DataDirectory, "admin-code");
        Assert.Contains(file, command.Output, StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        var code = await File.ReadAllTextAsync(file);
        await shared.Pool.Users.RegisterUserAsync(new() { Username = "root", Password = Password, Email = "root@example.org", AdminCode = code });
        var root = await shared.Pool.LogIn("root");

        var demoted = await Refusal.Of(Admin.SetUserRoleAsync(new() { User = "root", Role = "user" }, root.Metadata));
        var shutOut = await Refusal.Of(Admin.SetUserActiveAsync(new() { User = root.UserId, Active = false }, root.Metadata));
        var itself = await Refusal.Of(shared.Pool.Users.UpdateUserProfileAsync(new() { Role = "user" }, root.Metadata));

        Assert.All([demoted, shutOut, itself], refusal => Assert.Equal((StatusCode.FailedPrecondition, "LAST_ADMIN"), (refusal.Code, refusal.Reason)));
        var audit = await Admin.ListAuditAsync(new() { PageSize = 500 }, root.Metadata);
        Assert.Contains(audit.Entries, entry => entry is { Action: "admin code made", Actor: "operator", Address: "local" });
        Assert.Contains(audit.Entries, entry => entry.Action == "admin code used" && entry.Subject == root.UserId && entry.Address == "127.0.0.1");
        Assert.DoesNotContain(code.Trim(), audit.ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(file));
    }

    [Fact]
    public async Task AdminCode_WhereThereIsNoHub_SaysWhatToName()
    {
        var nowhere = Path.Combine(shared.Pool.DataDirectory, "nowhere");
        using var command = HivemindProcess.Start(null, "admin-code", $"--HiveMind:DataDirectory={nowhere}");

        Assert.Equal(2, await command.Exited(TimeSpan.FromSeconds(30)));
        Assert.Contains("DataDirectory", command.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(nowhere));
    }

    [Fact]
    public async Task Register_WhileAnotherAddressSendsBogusLogins_IsLetIn()
    {
        using var elsewhere = ChannelFrom(IPAddress.Parse("127.0.0.2"));
        var stranger = new UserService.UserServiceClient(elsewhere);
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var (refused, throttled) = (0, 0);
        var flood = Enumerable.Range(0, 16).Select(lane => Task.Run(async () =>
        {
            for (var i = 0; !enough.IsCancellationRequested; i++)
            {
                try
                {
                    await stranger.LoginUserAsync(new() { Username = $"bogus{lane}-{i}", Password = "wrong guess" });
                }
                catch (RpcException no) when (no.StatusCode == StatusCode.Unauthenticated)
                {
                    Interlocked.Increment(ref refused);
                }
                catch (RpcException no) when (no.StatusCode == StatusCode.ResourceExhausted)
                {
                    Interlocked.Increment(ref throttled);
                }
            }
        })).ToList();

        await Wait.Until(() => Volatile.Read(ref throttled) > 500, TimeSpan.FromSeconds(30), () => $"{refused} refused, {throttled} told to wait");
        for (var i = 0; i < 10; i++) await shared.Pool.NewUser($"welcome{i}");
        await enough.CancelAsync();
        await Task.WhenAll(flood);

        Assert.InRange(refused, 1, 30); // 20 at once, then slower and slower
    }

    [Fact]
    public async Task Login_OfTheOwnerBehindAStrangersGuesses_IsLetIn()
    {
        await shared.Pool.NewUser("alice");
        using var elsewhere = ChannelFrom(IPAddress.Parse("127.0.0.3"));
        var stranger = new UserService.UserServiceClient(elsewhere);

        var guesses = Enumerable.Range(0, 64).Select(i => Refusal.Of(stranger.LoginUserAsync(new() { Username = "alice", Password = $"wrong guess {i}" }))).ToList();
        await shared.Pool.LogIn("alice");
        var refusals = await Task.WhenAll(guesses);

        Assert.Equal((10, 54), (refusals.Count(one => one.Code == StatusCode.Unauthenticated), refusals.Count(one => one.Code == StatusCode.ResourceExhausted)));
        Assert.All(refusals.Where(one => one.Code == StatusCode.ResourceExhausted), one => Assert.True(one.SaysWhenToRetry));
        await Wait.Until(() => shared.Pool.Output.Contains("from 127.0.0.3", StringComparison.Ordinal), TimeSpan.FromSeconds(5), () => shared.Pool.Output);
    }

    [Theory]
    [InlineData("...")]
    [InlineData("---")]
    [InlineData("local")]
    [InlineData("Hub")]
    public async Task Register_NameThatMeansSomethingElse_NamesTheField(string name)
    {
        var refusal = await Refusal.Of(shared.Pool.Users.RegisterUserAsync(new() { Username = name, Password = Password, Email = "some@example.org" }));

        Assert.Equal((StatusCode.InvalidArgument, "username"), (refusal.Code, refusal.Fields));
    }

    private GrpcChannel ChannelFrom(IPAddress local)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (context, cancel) =>
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(local, 0));
                await socket.ConnectAsync(IPAddress.Loopback, context.DnsEndPoint.Port, cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        return GrpcChannel.ForAddress(shared.Pool.Address, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }
}
