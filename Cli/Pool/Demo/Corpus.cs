namespace HiveMind.Cli;

/// <summary>The text of the demo: its files, counted here as the check of what the pool counts, and cut into chunks of like size.</summary>
internal sealed record Corpus(int Files, long Bytes, long Words, IReadOnlyList<byte[]> Chunks)
{
    /// <summary>Enough for both lenders, and for a kill halfway to leave work on each side.</summary>
    private const int ChunksWanted = 16;
    private const int ChunkBytesMax = 8 * 1024 * 1024;
    /// <summary>What they print must fit into the reducing task's standard input.</summary>
    public const int ChunksMax = 1000;

    public static Corpus Read(IEnumerable<string> paths)
    {
        var files = paths.Select(File.ReadAllBytes).ToList();
        var bytes = files.Sum(file => (long)file.Length);
        var share = (int)Math.Clamp(bytes / ChunksWanted, 1, ChunkBytesMax);
        var chunks = Cut(files, share);
        if (chunks.Count > ChunksMax)
        {
            throw CliException.Usage($"--input: {bytes} bytes are more than the demo counts ({(long)ChunksMax * ChunkBytesMax}).");
        }

        return new Corpus(files.Count, bytes, files.Sum(file => WordCounter.Count(file)), chunks);
    }

    /// <summary>Cuts between files, and inside a file only where it is larger than a share, at white space.</summary>
    public static List<byte[]> Cut(IEnumerable<byte[]> files, int share)
    {
        var chunks = new List<byte[]>();
        var chunk = new MemoryStream();
        foreach (var file in files)
        {
            for (var rest = file.AsMemory(); rest.Length > 0;)
            {
                var cut = rest.Length <= share ? rest.Length : WordCounter.CutAtOrAfter(rest.Span, (int)Math.Max(1, share - chunk.Length));
                chunk.Write(rest[..cut].Span);
                rest = rest[cut..];
                // The last word of one file is not the beginning of the next file's first.
                chunk.WriteByte((byte)'\n');
                if (chunk.Length >= share)
                {
                    Close();
                }
            }
        }

        Close();
        return chunks;

        void Close()
        {
            if (WordCounter.Count(chunk.ToArray()) > 0)
            {
                chunks.Add(chunk.ToArray());
            }

            chunk.SetLength(0);
        }
    }
}
