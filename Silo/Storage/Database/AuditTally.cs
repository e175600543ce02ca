using HiveMind.Auditing;

namespace HiveMind.Storage;

/// <summary>Counts what would fill the audit log line by line; notes the sums once a minute and when the silo stops.</summary>
public sealed partial class AuditTally(SqliteDatabase database, TimeProvider time, ILogger<AuditTally> logger) : BackgroundService, IAuditTally
{
    /// <summary>Kinds a minute; the rest is one line.</summary>
    internal const int Limit = 200;
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1), DrainTime = TimeSpan.FromSeconds(3);

    private readonly Lock _gate = new();
    private Dictionary<AuditEvent, long> _counts = [];
    private readonly HashSet<AuditEvent> _noted = [];

    public void Count(AuditEvent entry)
    {
        lock (_gate)
        {
            if (!_counts.ContainsKey(entry) && _counts.Count >= Limit) entry = new(new Actor("others", "others"), entry.Action, "others");
            _counts[entry] = _counts.GetValueOrDefault(entry) + 1;
        }
    }

    public async Task Note(AuditEvent entry)
    {
        lock (_gate)
        {
            if (_noted.Contains(entry))
            {
                _counts[entry] = _counts.GetValueOrDefault(entry) + 1;
                return;
            }
        }

        await database.Note(entry);
        lock (_gate)
            if (_noted.Count < Limit) _noted.Add(entry);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await Flush().WaitAsync(DrainTime, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken)) await Flush();
    }

    internal async Task Flush()
    {
        Dictionary<AuditEvent, long> counts;
        lock (_gate)
        {
            (counts, _counts) = (_counts, []);
            _noted.Clear();
        }

        if (counts.Count == 0) return;
        try
        {
            await database.NoteAll([.. counts.Select(count => count.Key with { Times = count.Value })]);
        }
        catch (Exception e)
        {
            LogLost(logger, counts.Values.Sum(), e);
            lock (_gate) // the database is away: with the next minute's, as long as there is room
                foreach (var (entry, times) in counts)
                    if (_counts.Count < Limit || _counts.ContainsKey(entry)) _counts[entry] = _counts.GetValueOrDefault(entry) + times;
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "{Count} events for the audit log could not be written yet")]
    private static partial void LogLost(ILogger logger, long count, Exception error);
}
