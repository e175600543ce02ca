using System.Text.Json;

namespace HiveMind.Cli;

/// <summary>Who is logged in at which hub. One file, 0600, keyed by the hub's address; writers take turns by a lock file.</summary>
internal sealed class SessionFile(string folder)
{
    private static readonly JsonSerializerOptions Shape =
        new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    public string FilePath { get; } = Path.Combine(folder, "session.json");

    public StoredSession? Read(Uri hub) => ReadAll().GetValueOrDefault(HubAddress.Key(hub));

    public void Write(Uri hub, StoredSession session) => Change(all => all[HubAddress.Key(hub)] = session);

    /// <summary>As <see cref="Write"/>, unless another login or a logout came between: the session there is the one of <paramref name="token"/>, else its own.</summary>
    public void Replace(Uri hub, StoredSession session, string? token = null) => Change(all =>
    {
        if (all.GetValueOrDefault(HubAddress.Key(hub))?.Token == (token ?? session.Token))
        {
            all[HubAddress.Key(hub)] = session;
        }
    });

    public void Remove(Uri hub) => Change(all => all.Remove(HubAddress.Key(hub)));

    /// <summary>Held by whoever logs in for others too that may find the session over.</summary>
    public IDisposable TakeTurnToLogIn()
    {
        PrivateFile.OwnFolder(folder);
        return FileTurn.Take(Path.Combine(folder, "login.lock"));
    }

    private void Change(Action<SortedDictionary<string, StoredSession>> change)
    {
        PrivateFile.OwnFolder(folder);
        using var turn = FileTurn.Take(Path.Combine(folder, "session.lock"));
        var all = ReadAll();
        change(all);
        PrivateFile.Write(FilePath, JsonSerializer.Serialize(all, Shape));
    }

    private SortedDictionary<string, StoredSession> ReadAll()
    {
        if (!File.Exists(FilePath))
        {
            return [];
        }

        try
        {
            return JsonSerializer.Deserialize<SortedDictionary<string, StoredSession>>(File.ReadAllText(FilePath), Shape) ?? [];
        }
        catch (JsonException broken)
        {
            throw CliException.Usage($"{FilePath} cannot be read ({broken.Message}): remove it and log in again.");
        }
    }
}
