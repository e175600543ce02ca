using System.Text;

namespace HiveMind.Workers.Runs;

/// <summary>Copies what a program prints into a file, up to a limit; above it the rest is thrown away and said once.</summary>
internal sealed class OutputFile(string path, long limit)
{
    private readonly TaskCompletionSource _tooLarge = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> _broken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task TooLarge => _tooLarge.Task;

    /// <summary>Ends, with what is wrong, when output cannot be kept. Nobody reads the pipe from then on: the program would wait for ever.</summary>
    public Task<string> Broken => _broken.Task;

    /// <summary>What is wrong with it; null: it is whole.</summary>
    public string? Problem => _broken.Task.IsCompletedSuccessfully ? _broken.Task.Result : null;

    /// <summary>Never throws but for its own cancellation: what goes wrong is the <see cref="Problem"/>.</summary>
    public async Task Copy(Stream source, CancellationToken cancel)
    {
        try
        {
            await CopyAll(source, cancel);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _broken.TrySetResult(MachineFault.Say("keep the program's output", e));
        }
    }

    private async Task CopyAll(Stream source, CancellationToken cancel)
    {
        await using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, 1);
        var buffer = new byte[64 * 1024];
        var room = limit;
        int read;
        while ((read = await source.ReadAsync(buffer, cancel)) > 0)
        {
            var kept = (int)Math.Min(read, room);
            if (kept > 0)
                await file.WriteAsync(buffer.AsMemory(0, kept), cancel);
            room -= kept;
            if (kept < read)
                _tooLarge.TrySetResult();
        }
    }

    /// <summary>The last line that says something, as the message of a failure.</summary>
    public static string LastLine(string path)
    {
        if (!File.Exists(path))
            return "";
        using var file = File.OpenRead(path);
        file.Seek(-Math.Min(file.Length, 4096), SeekOrigin.End);
        var buffer = new byte[4096];
        var read = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        var lines = Encoding.UTF8.GetString(buffer, 0, read).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.Length == 0 ? "" : lines[^1].Length > 500 ? lines[^1][..500] : lines[^1];
    }
}
