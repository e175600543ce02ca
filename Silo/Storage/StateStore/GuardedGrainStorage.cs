using System.Diagnostics;
using Orleans.Storage;

namespace HiveMind.Storage;

/// <summary>
/// Grain storage as grains see it on either engine: a write has returned only when it is durable, and every failure but a lost race and a
/// record that cannot be read is an outage of unknown outcome.
/// </summary>
public sealed partial class GuardedGrainStorage(IGrainStorage inner, StateStore stateStore, ILogger<GuardedGrainStorage> log) : IGrainStorage
{
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        try
        {
            await inner.ReadStateAsync(stateName, grainId, grainState);
            UnreadableRecords.Read(grainId);
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            UnreadableRecords.Meet(grainId.ToString(), e);
            throw HiveMindException.Unreadable(grainId.ToString());
        }
        catch (Exception e)
        {
            throw Failed(e, "read", stateName, grainId);
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
            stateStore.Written();
            StateStoreInstruments.Written(stateName, Stopwatch.GetElapsedTime(began));
        }
        catch (Exception e) when (e is not InconsistentStateException)
        {
            throw Failed(e, verb, stateName, grainId);
        }
    }

    /// <summary>However its engine has wrapped it: Redis' provider keeps the text of it only.</summary>
    private static bool IsUnreadable(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
            if (e is UnreadableRecordException || e.Message.Contains(nameof(UnreadableRecordException), StringComparison.Ordinal)) return true;
        return false;
    }

    private HiveMindException Failed(Exception e, string verb, string stateName, GrainId grainId)
    {
        StateStoreInstruments.Failed(verb);
        if (e is HiveMindException known) return known; // its engine has said why
        LogFailed(log, e, verb, stateName, grainId);
        return StateStoreFailures.Unavailable(e);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The state store could not {Verb} {StateName} of {GrainId}.")]
    private static partial void LogFailed(ILogger logger, Exception cause, string verb, string stateName, GrainId grainId);
}
