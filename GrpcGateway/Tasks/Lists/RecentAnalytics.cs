using HiveMind.Storage;

namespace HiveMind.Tasks;

/// <summary>
/// The analytics of the last so many hours, up to ten seconds old, computed one at a time: dashboards ask again and again, and the
/// database has other work.
/// </summary>
internal sealed class RecentAnalytics(ITaskHistory history, TimeProvider time)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(10);
    private readonly SemaphoreSlim _computing = new(1);
    private readonly Dictionary<int, (TaskAnalytics Found, long At)> _kept = [];

    public async Task<TaskAnalytics> Of(int hours, CancellationToken cancel)
    {
        await _computing.WaitAsync(cancel);
        try
        {
            if (_kept.TryGetValue(hours, out var kept) && time.GetElapsedTime(kept.At) < Fresh) return kept.Found;
            var found = await history.Analyse(time.GetUtcNow().AddHours(-hours), cancel);
            foreach (var old in _kept.Where(one => time.GetElapsedTime(one.Value.At) >= Fresh).Select(one => one.Key).ToList()) _kept.Remove(old);
            _kept[hours] = (found, time.GetTimestamp());
            return found;
        }
        finally
        {
            _computing.Release();
        }
    }
}
