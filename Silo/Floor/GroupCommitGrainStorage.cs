using System.Diagnostics;
using Orleans.Storage;

namespace HiveMind.Storage;

/// <summary>
/// Grain storage that has returned only when the write is durable: the Redis provider's, then the shared commit. Every failure but a
/// lost race is an outage of unknown outcome.
/// </summary>
public sealed partial class GroupCommitGrainStorage(IGrainStorage inner, FloorCommit commit, ILogger<GroupCommitGrainStorage> log) : IGrainStorage
{
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        try
        {
            await inner.ReadStateAsync(stateName, grainId, grainState);
        }
        catch (Exception e) when (e is not HiveMindException)
        {
            FloorInstruments.Failed("read");
            LogFailed(log, e, "read", stateName, grainId);
            throw FloorFailures.Unavailable(e);
        }
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        Durable("write", stateName, grainId, inner.WriteStateAsync(stateName, grainId, grainState));

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        Durable("clear", stateName, grainId, inner.ClearStateAsync(stateName, grainId, grainState));

    private async Task Durable(string verb, string stateName, GrainId grainId, Task change)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            await change;
            await commit.CommitAsync();
            FloorInstruments.Written(stateName, Stopwatch.GetElapsedTime(began));
        }
        catch (Exception e) when (e is not InconsistentStateException and not HiveMindException)
        {
            FloorInstruments.Failed(verb);
            LogFailed(log, e, verb, stateName, grainId);
            throw FloorFailures.Unavailable(e);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The floor could not {Verb} {StateName} of {GrainId}.")]
    private static partial void LogFailed(ILogger logger, Exception cause, string verb, string stateName, GrainId grainId);
}
