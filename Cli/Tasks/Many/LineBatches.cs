using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>A line and the request it means, or what is wrong with it.</summary>
internal sealed record NumberedTask(long Line, SubmitTaskRequest? Request, string Problem);

/// <summary>
/// Lines as batches that the hub takes. A batch goes when it is full or when no line has come for a moment; when none comes for longer an
/// empty one goes, so that the hub knows that we are still here.
/// </summary>
internal sealed class LineBatches(TextReader lines, string run, TaskFiles files, TimeProvider time)
{
    /// <summary>Of the hub's 1,000 tasks and 4 MiB.</summary>
    private const int TasksPerBatch = 1000, BytesPerBatch = 2 << 20;
    /// <summary>Programs above it go once by themselves, however many tasks run them.</summary>
    private const int UploadAbove = 16 * 1024;
    private const int LongestLine = 1 << 20;
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(200), Longer = TimeSpan.FromSeconds(10);

    private Task<string?>? reading;
    private NumberedTask? overflow;
    private long number;

    /// <summary>Null at the end.</summary>
    public async Task<IReadOnlyList<NumberedTask>?> Next(CancellationToken stop)
    {
        var batch = new List<NumberedTask>();
        var bytes = 0;
        while (batch.Count < TasksPerBatch)
        {
            var task = overflow;
            overflow = null;
            if (task is null)
            {
                reading ??= lines.ReadLineAsync(stop).AsTask();
                if (!await CameWithin(batch.Count > 0 ? Moment : Longer, stop)) return batch;
                var line = await reading;
                reading = line is null ? reading : null;
                if (line is null) return batch.Count > 0 ? batch : null;
                number++;
                if (string.IsNullOrWhiteSpace(line)) continue;
                task = await Read(line, stop);
            }

            bytes += task.Request?.CalculateSize() ?? 0;
            if (bytes > BytesPerBatch && batch.Count > 0)
            {
                overflow = task;
                return batch;
            }

            batch.Add(task);
        }

        return batch;
    }

    private async Task<bool> CameWithin(TimeSpan patience, CancellationToken stop)
    {
        if (reading!.IsCompleted) return true;
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var first = await Task.WhenAny(reading, Task.Delay(patience, time, waiting.Token));
        await waiting.CancelAsync();
        stop.ThrowIfCancellationRequested();
        return first == reading;
    }

    private async Task<NumberedTask> Read(string line, CancellationToken stop)
    {
        try
        {
            if (line.Length > LongestLine) throw CliException.Usage("is longer than 1 MiB: put the program into a file.");
            var input = SubmitLine.Parse(line, $"{run}-{number}");
            var request = input.ToRequest(UploadAbove);
            await files.Attach(input, request, UploadAbove, stop);
            return new NumberedTask(number, request, "");
        }
        catch (CliException wrong)
        {
            return new NumberedTask(number, null, wrong.Message);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return new NumberedTask(number, null, unreadable.Message);
        }
    }
}
