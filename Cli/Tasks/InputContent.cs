namespace HiveMind.Cli;

/// <summary>
/// What a program shall read: bytes that fit into a message, or a file that can be hashed and then sent. Of a pipe or a device nobody knows the size before its end:
/// it is kept in a temporary file, which nobody else can open and which is gone with this process.
/// </summary>
internal sealed class InputContent : IAsyncDisposable
{
    /// <summary>More of it goes as a file.</summary>
    public const int InMessage = 64 * 1024;

    private const int CopyBytes = 1 << 20;
    /// <summary>From there on the hub is asked whether it would take so much: a pipe may have no end.</summary>
    private const long FirstQuestion = 64L << 20;

    private InputContent(byte[]? small, FileStream? large, bool isFile) => (Small, Large, IsFile) = (small, large, isFile);

    public byte[]? Small { get; }
    public FileStream? Large { get; }
    /// <summary>A file that is there again for the next task.</summary>
    public bool IsFile { get; }

    /// <summary>`-` is our own standard input. The check throws when so many bytes are too many.</summary>
    public static async Task<InputContent> Open(string path, Func<long, CancellationToken, Task> checkSize, CancellationToken stop)
    {
        var source = await Source(path, stop);
        var isKept = false;
        try
        {
            if (source is FileStream { CanSeek: true } file && file.Length > InMessage)
            {
                isKept = true;
                return new InputContent(null, file, isFile: true);
            }

            var head = new byte[InMessage + 1];
            var read = await source.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, stop).AsTask().WaitAsync(stop);
            return read <= InMessage ? new InputContent(head[..read], null, isFile: false)
                : new InputContent(null, await Keep(head, source, checkSize, stop), isFile: false);
        }
        finally
        {
            if (!isKept)
            {
                await source.DisposeAsync();
            }
        }
    }

    public ValueTask DisposeAsync() => Large?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static async Task<Stream> Source(string path, CancellationToken stop)
    {
        if (path == "-")
        {
            return Console.OpenStandardInput();
        }

        if (Directory.Exists(path))
        {
            throw CliException.Usage($"--stdin: '{path}' is a folder: name a file.");
        }

        if (!File.Exists(path))
        {
            throw CliException.Usage($"--stdin: there is no file '{path}'.");
        }

        // A named pipe that nobody writes yet is opened when somebody does: until then Ctrl-C must go on to work.
        var opening = Task.Run(() => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, CopyBytes, FileOptions.SequentialScan), CancellationToken.None);
        return await opening.WaitAsync(stop);
    }

    private static async Task<FileStream> Keep(byte[] head, Stream rest, Func<long, CancellationToken, Task> checkSize, CancellationToken stop)
    {
        var kept = Temporary();
        try
        {
            await kept.WriteAsync(head, stop);
            var buffer = new byte[CopyBytes];
            var askAt = FirstQuestion;
            int read;
            while ((read = await rest.ReadAsync(buffer, stop).AsTask().WaitAsync(stop)) > 0)
            {
                await kept.WriteAsync(buffer.AsMemory(0, read), stop);
                if (kept.Position >= askAt)
                {
                    await checkSize(kept.Position, stop);
                    askAt = kept.Position * 2;
                }
            }

            await kept.FlushAsync(stop);
            return kept;
        }
        catch
        {
            await kept.DisposeAsync();
            throw;
        }
    }

    private static FileStream Temporary()
    {
        var path = Path.Combine(Path.GetTempPath(), $"hivemind-input-{Guid.NewGuid():N}");
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Delete, BufferSize = 0, Options = FileOptions.DeleteOnClose,
        };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        var file = new FileStream(path, options);
        if (!OperatingSystem.IsWindows())
        {
            File.Delete(path); // it lives on without a name, and ends with us even when we are killed
        }

        return file;
    }
}
