using System.Text.Json;
using HiveMind.Workers.Connection;

namespace HiveMind.Cli;

/// <summary>
/// The keys of hubs that somebody logged in at with an address that carried one. They outlive the login, so that the same hub needs no pin
/// again and another key at its address is noticed.
/// </summary>
internal sealed class KnownHubs(string folder)
{
    private static readonly JsonSerializerOptions Shape = new() { WriteIndented = true };

    public string FilePath { get; } = Path.Combine(folder, "known-hubs.json");

    /// <summary>The address with the remembered pin, unless it carries one or none is remembered.</summary>
    public Uri WithPin(Uri hub) =>
        hub.Scheme == Uri.UriSchemeHttps && HubPin.Of(hub) is null && PinOf(hub) is { } pin ? new Uri($"{HubAddress.Key(hub)}#{pin}") : hub;

    public bool Knows(Uri hub) => HubPin.Of(hub) is { } pin && pin == PinOf(hub);

    /// <summary>Keeps the pin of an address that carries one; a new one replaces the old.</summary>
    public void Remember(Uri hub)
    {
        if (HubPin.Of(hub) is not { } pin || Knows(hub))
        {
            return;
        }

        PrivateFile.OwnFolder(folder);
        using var turn = FileTurn.Take(Path.Combine(folder, "known-hubs.lock"));
        var all = ReadAll();
        all[HubAddress.Key(hub)] = pin.ToString();
        PrivateFile.Write(FilePath, JsonSerializer.Serialize(all, Shape));
    }

    private HubPin? PinOf(Uri hub) => ReadAll().TryGetValue(HubAddress.Key(hub), out var text) ? HubPin.Parse(text) ?? throw Unreadable("no pin") : null;

    private SortedDictionary<string, string> ReadAll()
    {
        try
        {
            return File.Exists(FilePath) ? JsonSerializer.Deserialize<SortedDictionary<string, string>>(File.ReadAllText(FilePath)) ?? [] : [];
        }
        catch (JsonException broken)
        {
            throw Unreadable(broken.Message);
        }
    }

    // Not taken as empty: that would trust less than the user was told.
    private CliException Unreadable(string why) =>
        CliException.Usage($"{FilePath} cannot be read ({why}): remove it and log in again by the address that the hub prints.");
}
