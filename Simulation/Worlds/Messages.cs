using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>What a machine says on its stream, or when it opens one.</summary>
internal sealed record BeatMessage(int Node, int Life, long Hello, long Epoch, IReadOnlyList<AttemptReport> Running, long SentAt);

/// <summary>A report on a stream (its epoch) or by a call of its own (epoch 0).</summary>
internal sealed record ReportMessage(int Node, int Life, long Epoch, TaskOutcomeReport Report);

internal sealed record VerdictMessage(ReportMessage Of, ReportVerdictKind Verdict);
