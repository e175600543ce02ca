using System.Diagnostics;

namespace HiveMind.Cli;

/// <summary>Which files the demo counts: those git lists; elsewhere every file without NUL, leaving out hidden folders, bin and obj.</summary>
internal static class TextFiles
{
    /// <summary>The nearest git root above, or the folder itself.</summary>
    public static string DefaultInput(string folder)
    {
        for (var here = new DirectoryInfo(folder); here is not null; here = here.Parent)
        {
            if (Path.Exists(Path.Combine(here.FullName, ".git")))
            {
                return here.FullName;
            }
        }

        return folder;
    }

    public static async Task<IReadOnlyList<string>> Find(string input, CancellationToken stop)
    {
        if (File.Exists(input))
        {
            return [input];
        }

        if (!Directory.Exists(input))
        {
            throw CliException.Usage($"--input: there is no '{input}'.");
        }

        var listed = await ListedByGit(input, stop);
        return listed.Count > 0 ? listed : [.. Walk(new DirectoryInfo(input)).Order(StringComparer.Ordinal)];
    }

    // `-s` shows the mode: regular files only, no symbolic links, no submodules. A file that is deleted but still listed has no words.
    private static async Task<List<string>> ListedByGit(string folder, CancellationToken stop)
    {
        var start = new ProcessStartInfo("git") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        foreach (var word in new[] { "ls-files", "-s", "-z" })
        {
            start.ArgumentList.Add(word);
        }

        try
        {
            using var git = Process.Start(start)!;
            var errors = git.StandardError.ReadToEndAsync(stop);
            var text = await git.StandardOutput.ReadToEndAsync(stop);
            await errors;
            await git.WaitForExitAsync(stop);
            return git.ExitCode != 0 ? [] : [.. text.Split('\0').Where(IsRegular).Select(PathOf).Where(IsRegularFile)];
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return [];
        }

        static bool IsRegular(string entry) => entry.StartsWith("100", StringComparison.Ordinal);
        string PathOf(string entry) => Path.Combine(folder, entry[(entry.IndexOf('\t', StringComparison.Ordinal) + 1)..]);
    }

    private static bool IsRegularFile(string path) => new FileInfo(path) is { Exists: true, LinkTarget: null };

    private static IEnumerable<string> Walk(DirectoryInfo folder)
    {
        foreach (var file in folder.EnumerateFiles().Where(file => file.LinkTarget is null && !HasNul(file.FullName)))
        {
            yield return file.FullName;
        }

        foreach (var inner in folder.EnumerateDirectories().Where(IsSource))
        {
            foreach (var file in Walk(inner))
            {
                yield return file;
            }
        }

        static bool IsSource(DirectoryInfo inner) =>
            inner.LinkTarget is null && !inner.Name.StartsWith('.') && inner.Name is not ("bin" or "obj");
    }

    private static bool HasNul(string path)
    {
        using var file = File.OpenRead(path);
        var buffer = new byte[64 * 1024];
        for (var read = file.Read(buffer); read > 0; read = file.Read(buffer))
        {
            if (buffer.AsSpan(0, read).Contains((byte)0))
            {
                return true;
            }
        }

        return false;
    }
}
