using System.Security.Cryptography;
using System.Text.Json;
using Grpc.Core;
using HiveMind.Auditing;
using HiveMind.Protos;
using HiveMind.Storage;

namespace HiveMind.Cli;

/// <summary>
/// The account that `up` makes at the first start, so that one terminal is enough: a random password, kept (0600) in the hub's own data
/// directory, where whoever reads it owns the hub anyway.
/// </summary>
internal sealed class LocalAccount(string dataDirectory, string databaseFile)
{
    private static readonly JsonSerializerOptions Shape = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static readonly TimeSpan CodeAge = TimeSpan.FromMinutes(10);

    private string FilePath => PathIn(dataDirectory);

    /// <summary>Whoever is logged in at this hub stays; else the local account is, made if it does not exist.</summary>
    public async Task<StoredSession> EnsureLogin(Uri hub, SessionFile sessions, KnownHubs known, CancellationToken stop)
    {
        using (var current = HubClient.WithSession(hub, sessions, TimeProvider.System))
        {
            if (current.Session is { } session && await StillWorks(current, stop))
            {
                if (session.AccountDirectory != dataDirectory && session.Username == Read(dataDirectory)?.Username)
                {
                    // Of a version that did not write down whose account it is.
                    sessions.Replace(hub, session = session with { AccountDirectory = dataDirectory });
                }

                return session;
            }
        }

        using var client = HubClient.Anonymous(hub);
        var login = Read(dataDirectory) is { } kept ? await LogIn(client, kept, stop) : null;
        login ??= await LogIn(client, await Make(client, stop), stop);
        known.Remember(hub);
        login = (login ?? throw new CliException(ExitCodes.NotLoggedIn, $"The account of {FilePath} cannot log in.", "UNAUTHENTICATED")) with { AccountDirectory = dataDirectory };
        sessions.Write(hub, login);
        return login;
    }

    /// <summary>
    /// A new session in place of one that is over, so that a script or a cron job finds the hub of its machine open after any idle time. Null: it was not this
    /// account's, its password is not ours to read or no longer right, or that hub is not said to be the one of the data directory: the password goes nowhere else.
    /// </summary>
    public static async Task<StoredSession?> LogInAgain(HubClient hub, StoredSession over, CancellationToken stop)
    {
        if (over.AccountDirectory is not { } directory || HubAddress.Key(new LocalHub(directory).Address) != HubAddress.Key(hub.Address)
            || Read(directory) is not { } kept || kept.Username != over.Username)
        {
            return null;
        }

        return await LogIn(hub, kept, stop) is { } login ? login with { AccountDirectory = directory } : null;
    }

    private static async Task<bool> StillWorks(HubClient hub, CancellationToken stop)
    {
        try
        {
            await hub.Users.GetUserInfoAsync(new GetUserInfoRequest(), cancellationToken: stop);
            return true;
        }
        catch (RpcException over) when (over.StatusCode == StatusCode.Unauthenticated)
        {
            return false;
        }
    }

    private static async Task<StoredSession?> LogIn(HubClient hub, Kept account, CancellationToken stop)
    {
        try
        {
            return await Login.At(hub, account.Username, account.Password, stop);
        }
        catch (RpcException unknown) when (unknown.StatusCode == StatusCode.Unauthenticated)
        {
            return null;
        }
    }

    private async Task<Kept> Make(HubClient hub, CancellationToken stop)
    {
        var random = RandomNumberGenerator.GetHexString(8, lowercase: true);
        foreach (var name in new[] { "local", $"local-{random}" })
        {
            var account = new Kept(name, RandomNumberGenerator.GetHexString(48, lowercase: true));
            try
            {
                var request = new RegisterUserRequest
                {
                    Username = name, Password = account.Password, Email = $"{name}@hivemind.invalid", DisplayName = "This machine",
                    RegistrationCode = await CodeFor(name, stop),
                };
                await hub.Users.RegisterUserAsync(request, cancellationToken: stop);
                PrivateFile.Write(FilePath, JsonSerializer.Serialize(account, Shape));
                return account;
            }
            catch (RpcException taken) when (taken.StatusCode == StatusCode.AlreadyExists)
            {
                // Somebody else has the name; the second one is random.
            }
        }

        throw new CliException(ExitCodes.Usage, "No name was free for the local account: log in first.");
    }

    /// <summary>
    /// The name `local` is nobody else's, and this account is made whoever else may register: by a code for it that only who can write the hub's database
    /// can make.
    /// </summary>
    private async Task<string> CodeFor(string name, CancellationToken stop)
    {
        using var database = SqliteDatabase.Open(databaseFile, TimeProvider.System);
        return (await database.MakeCode(new CodeSpec(1, CodeAge, "the hub's own account", name), Actor.Operator, stop)).Code;
    }

    private static string PathIn(string directory) => Path.Combine(directory, "local-account.json");

    private static Kept? Read(string directory)
    {
        try
        {
            return File.Exists(PathIn(directory)) ? JsonSerializer.Deserialize<Kept>(File.ReadAllText(PathIn(directory)), Shape) : null;
        }
        catch (UnauthorizedAccessException)
        {
            return null; // another user's hub
        }
    }

    private sealed record Kept(string Username, string Password);
}
