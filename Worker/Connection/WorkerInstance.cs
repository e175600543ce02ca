using System.Security.Cryptography;
using System.Text;
using HiveMind.Protos;

namespace HiveMind.Workers.Connection;

/// <summary>
/// Names this start of the worker, so that the hub can tell a worker that is back from another machine with the same token. The file beside the runs, locked
/// for as long as the process lives, has the starts before it: whoever holds the lock knows that they are dead, so it need not wait until the hub
/// believes that. They count within one boot of one machine only: a copy of a disk proves nothing about the machine it was copied from.
/// </summary>
internal sealed class WorkerInstance : IDisposable
{
    private const int Remembered = 8;
    private readonly FileStream? _file;

    private WorkerInstance(string id, IReadOnlyList<string> succeeds, FileStream? file) => (Id, Succeeds, _file) = (id, succeeds, file);

    public string Id { get; }
    /// <summary>Earlier starts, the oldest first.</summary>
    public IReadOnlyList<string> Succeeds { get; }

    public static WorkerInstance Open(string folder, string nodeId) => Open(folder, nodeId, BootId());

    internal static WorkerInstance Open(string folder, string nodeId, string boot)
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        FileStream? file = null;
        try
        {
            file = new FileStream(PathOf(folder, nodeId), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            var earlier = Read(file, boot);
            Write(file, boot, [.. earlier, id]);
            return new WorkerInstance(id, earlier, file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another worker runs from this folder, or it cannot be written: then nothing is known of those before.
            file?.Dispose();
            return new WorkerInstance(id, [], null);
        }
    }

    public WorkerHello Introduce(WorkerHello hello)
    {
        hello.InstanceId = Id;
        hello.Succeeds.AddRange(Succeeds);
        return hello;
    }

    /// <summary>The hub knows that this one has left: there is nothing to succeed.</summary>
    public void Forget()
    {
        if (_file is not null)
            File.Delete(_file.Name);
    }

    public void Dispose() => _file?.Dispose();

    private static string PathOf(string folder, string nodeId) =>
        Path.Combine(folder, "instance-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(nodeId)))[..16]);

    private static List<string> Read(FileStream file, string boot)
    {
        using var reader = new StreamReader(file, leaveOpen: true);
        var lines = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return boot.Length == 0 || lines.Length == 0 || lines[0] != boot ? [] : [.. lines.Skip(1).Where(line => line.Length == 32).TakeLast(Remembered)];
    }

    private static void Write(FileStream file, string boot, IEnumerable<string> starts)
    {
        file.SetLength(0);
        file.Write(Encoding.ASCII.GetBytes(string.Join('\n', [boot, .. starts]) + "\n"));
        file.Flush();
    }

    private static string BootId()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
