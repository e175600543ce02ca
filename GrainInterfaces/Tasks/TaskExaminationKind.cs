namespace HiveMind.Tasks;

public enum TaskExaminationKind { Missing = 0, Pending = 1, OnNode = 2, Ended = 3 }
