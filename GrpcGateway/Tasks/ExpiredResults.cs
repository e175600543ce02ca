using HiveMind.Storage;

namespace HiveMind.Tasks;

/// <summary>Outputs are kept for a time only: a file that is missing because its time was over is told apart from one that is lost.</summary>
internal sealed class ExpiredResults(IPoolDatabase database)
{
    public const string MissingFile = "FILE_MISSING";

    public Task Told(string taskId, Func<Task> read, CancellationToken cancel) => Told(taskId, async () =>
    {
        await read();
        return true;
    }, cancel);

    public async Task<T> Told<T>(string taskId, Func<Task<T>> read, CancellationToken cancel)
    {
        try
        {
            return await read();
        }
        catch (HiveMindException missing) when (missing.Reason == MissingFile)
        {
            if (!await database.OutputsExpired(taskId, cancel)) throw;
            throw HiveMindException.Precondition(
                "RESULT_EXPIRED", "The output was removed: this pool keeps outputs for a limited time. Submit the task again if you need it.");
        }
    }
}
