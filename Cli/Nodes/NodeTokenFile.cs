using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace HiveMind.Cli;

/// <summary>The secret of a node that was registered from here.</summary>
internal sealed record StoredNode(string Hub, string NodeId, string UserId, string NodeToken);

/// <summary>Node secrets, one file (0600) per hub and node, so that a worker starts again without its owner being logged in.</summary>
internal sealed class NodeTokenFile(string folder)
{
    private static readonly JsonSerializerOptions Shape =
        new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    public StoredNode? Read(Uri hub, string nodeId)
    {
        var path = PathOf(hub, nodeId);
        return File.Exists(path) ? JsonSerializer.Deserialize<StoredNode>(File.ReadAllText(path), Shape) : null;
    }

    public void Write(Uri hub, StoredNode node)
    {
        PrivateFile.OwnFolder(folder);
        PrivateFile.Write(PathOf(hub, node.NodeId), JsonSerializer.Serialize(node, Shape));
    }

    public void Remove(Uri hub, string nodeId)
    {
        if (File.Exists(PathOf(hub, nodeId)))
        {
            File.Delete(PathOf(hub, nodeId));
        }
    }

    /// <summary>Hashed: a hub's address and a node's id may hold what a file name may not.</summary>
    public static string FileName(Uri hub, string nodeId) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{HubAddress.Key(hub)}\n{nodeId}")))[..24];

    public string PathOf(Uri hub, string nodeId) => Path.Combine(folder, "nodes", $"{FileName(hub, nodeId)}.json");
}
