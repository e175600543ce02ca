using HiveMind.Protos;
using HiveMind.Workers.Attempts;

namespace HiveMind.Workers.Connection;

/// <summary>
/// Which report an answer is for. A hub that says so is believed; one that does not answers in order, and a result must not be thrown
/// away because "started" was accepted.
/// </summary>
public sealed class ReportOrder
{
    private readonly Lock _lock = new();
    private readonly Dictionary<AttemptKey, Queue<TaskReportKind>> _sent = [];

    public void Sent(AttemptKey key, TaskReportKind kind)
    {
        lock (_lock)
        {
            if (!_sent.TryGetValue(key, out var kinds))
                _sent[key] = kinds = [];
            kinds.Enqueue(kind);
        }
    }

    public TaskReportKind Answered(AttemptKey key, TaskReportKind said)
    {
        lock (_lock)
        {
            var oldest = TaskReportKind.Unspecified;
            if (_sent.TryGetValue(key, out var kinds) && kinds.TryDequeue(out oldest) && kinds.Count == 0)
                _sent.Remove(key);
            return said == TaskReportKind.Unspecified ? oldest : said;
        }
    }
}
