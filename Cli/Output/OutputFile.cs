using System.Globalization;
using HiveMind.Storage;
using Microsoft.Win32.SafeHandles;

namespace HiveMind.Cli;

/// <summary>
/// What `-o FILE` names. A plain file, or nothing yet, gets its content at once and whole: under another name until all is there. Everything else (a device, a pipe,
/// one of our own descriptors) is what others look at now: it is written to and stays what it is. Links are followed.
/// </summary>
internal sealed class OutputFile : IAsyncDisposable
{
    private const int MostLinks = 40, Output = 1, Error = 2;

    private readonly string? draft;
    private readonly string target;

    private OutputFile(string target, string? draft, Stream stream)
    {
        this.target = target;
        this.draft = draft;
        Stream = stream;
    }

    public Stream Stream { get; }

    public static async Task<OutputFile> Open(string path, CancellationToken stop)
    {
        var target = Follow(Path.GetFullPath(path));
        if (OwnDescriptor(target) is { } descriptor)
        {
            return new OutputFile(target, null, OfDescriptor(descriptor));
        }

        if (Directory.Exists(target))
        {
            throw CliException.Usage($"{path} is a folder: name a file in it.");
        }

        if (!IsReplaceable(target))
        {
            // A pipe that nobody reads yet is opened when somebody does: until then Ctrl-C must go on to work.
            var opening = Task.Run(() => new FileStream(target, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0), CancellationToken.None);
            return new OutputFile(target, null, await opening.WaitAsync(stop));
        }

        var draft = Path.Combine(Path.GetDirectoryName(target)!, $".hivemind-{Guid.NewGuid():N}.part");
        var file = new FileStream(draft, FileMode.CreateNew, FileAccess.Write);
        return new OutputFile(target, draft, file);
    }

    /// <summary>All of it was written, and stands under its name.</summary>
    public async Task Complete()
    {
        await Stream.FlushAsync();
        await Stream.DisposeAsync();
        if (draft is null)
        {
            return;
        }

        if (!OperatingSystem.IsWindows() && File.Exists(target))
        {
            File.SetUnixFileMode(draft, File.GetUnixFileMode(target));
        }

        File.Move(draft, target, overwrite: true);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await Stream.DisposeAsync();
        }
        catch (IOException)
        {
            // What was not written is told by who wrote it.
        }

        if (draft is not null)
        {
            File.Delete(draft);
        }
    }

    /// <summary>What the name leads to in the end; our own descriptors, whose link leads nowhere by name, are left as they are.</summary>
    private static string Follow(string path)
    {
        for (var links = 0; links < MostLinks; links++)
        {
            if (IsKernels(path) || new FileInfo(path).LinkTarget is not { } next)
            {
                return path;
            }

            path = Path.GetFullPath(next, Path.GetDirectoryName(path)!);
        }

        throw CliException.Usage($"{path} is a link that leads to itself.");
    }

    /// <summary>Names under /proc are no files of anybody's, whatever they lead to.</summary>
    private static bool IsKernels(string path) => path.StartsWith("/proc/", StringComparison.Ordinal);

    private static bool IsReplaceable(string target)
    {
        if (!NativeFiles.Works)
        {
            return !target.StartsWith("/dev/", StringComparison.Ordinal);
        }

        return !IsKernels(target) && (FileStatus.Of(target) is not { } status || status.IsRegular);
    }

    /// <summary>/dev/stdout, /dev/fd/3 and process substitutions lead there.</summary>
    internal static int? OwnDescriptor(string target)
    {
        foreach (var folder in new[] { "/proc/self/fd/", $"/proc/{Environment.ProcessId}/fd/", "/dev/fd/" })
        {
            if (target.StartsWith(folder, StringComparison.Ordinal)
                && int.TryParse(target.AsSpan(folder.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                return number;
            }
        }

        return null;
    }

    private static Stream OfDescriptor(int descriptor) => descriptor switch
    {
        Output => Console.OpenStandardOutput(),
        Error => Console.OpenStandardError(),
        _ => new FileStream(new SafeFileHandle(descriptor, ownsHandle: false), FileAccess.Write, bufferSize: 0),
    };
}
