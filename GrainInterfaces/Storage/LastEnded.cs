using HiveMind.Tasks;

namespace HiveMind.Storage;

public sealed record LastEnded(TaskState State, DateTimeOffset At);
