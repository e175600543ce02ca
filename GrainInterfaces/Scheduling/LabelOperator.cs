namespace HiveMind.Scheduling;

/// <summary>What one requirement asks of a label; `=` is <see cref="In"/> one value, `!=` <see cref="NotIn"/> one.</summary>
public enum LabelOperator { Exists, Missing, In, NotIn, Above, AtLeast, Below, AtMost }
