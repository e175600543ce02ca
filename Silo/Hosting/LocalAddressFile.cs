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

    /// <summary>A convenience only: where it cannot be written (a full disk), that is said and the silo serves all the same.</summary>
    public static LocalAddressFile Write(string dataDirectory, string address, Action<string> say)
    {
        var file = new LocalAddressFile(Path.Combine(dataDirectory, Name));
        file.Dispose();
        if (address == DefaultAddress) return file;
        var unfinished = $"{file._file}.tmp";
        try
        {
            File.WriteAllText(unfinished, address + "\n");
            File.Move(unfinished, file._file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            say($"{file._file} cannot be written ({e.Message.ReplaceLineEndings(" ")}): until the next start, programs of this machine need --hub {address}.");
        }

        return file;
    }

    public void Dispose() => File.Delete(_file);
}
