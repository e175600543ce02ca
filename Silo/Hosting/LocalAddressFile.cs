namespace HiveMind.Hosting;

/// <summary>
/// Where the silo of a data directory listens, for the programs of the same user: `hivemind submit` beside a silo of another port, or with
/// TLS, needs no `--hub`. There while the silo runs, and only where the address is not the default one.
/// </summary>
public sealed class LocalAddressFile : IDisposable
{
    public const string Name = "hub-address";
    public const string DefaultAddress = "http://127.0.0.1:50051";
    private readonly string _file;

    private LocalAddressFile(string file) => _file = file;

    public static LocalAddressFile Write(string dataDirectory, string address)
    {
        var file = new LocalAddressFile(Path.Combine(dataDirectory, Name));
        file.Dispose();
        if (address == DefaultAddress) return file;
        File.WriteAllText($"{file._file}.tmp", address + "\n");
        File.Move($"{file._file}.tmp", file._file, overwrite: true);
        return file;
    }

    public void Dispose() => File.Delete(_file);
}
