namespace HiveMind.Storage;

/// <summary>
/// Removes what checkpoints that were begun and never ended left behind. Garnet removes the ones it finished; an abandoned one has no
/// metadata, so no recovery can use it. One that may still be under way (younger than the newest finished one) stays.
/// </summary>
internal sealed class CheckpointLeftovers(string checkpoints)
{
    public int Remove()
    {
        try
        {
            return Kinds().Sum(RemoveIn);
        }
        catch (IOException)
        {
            // Garnet removes its own at the same time: look again the next minute.
            return 0;
        }
    }

    private IEnumerable<string> Kinds() => Directory.Exists(checkpoints) ? Directory.GetDirectories(checkpoints) : [];

    private static int RemoveIn(string kind)
    {
        var all = new DirectoryInfo(kind).GetDirectories();
        var finished = all.Where(IsFinished).ToList();
        if (finished.Count == 0)
        {
            return 0;
        }
        var newest = finished.Max(checkpoint => checkpoint.LastWriteTimeUtc);
        var abandoned = all.Where(checkpoint => checkpoint.LastWriteTimeUtc < newest.AddMinutes(-1) && !IsFinished(checkpoint)).ToList();
        foreach (var checkpoint in abandoned)
        {
            checkpoint.Delete(recursive: true);
        }
        return abandoned.Count;
    }

    private static bool IsFinished(DirectoryInfo checkpoint) => checkpoint.GetFiles("info.dat*").Any(file => file.Length > 0);
}
