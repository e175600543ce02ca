using System.Globalization;
using HiveMind.Scheduling;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>
/// What is asked of a node's labels, as one expression: the scheduler knows one mechanism, and a wanted GPU model or its memory is a
/// requirement like any other.
/// </summary>
internal static class TaskLabels
{
    /// <summary>What is wrong with <c>labels</c>, alone or together with the fields that become requirements too; empty: nothing.</summary>
    public static string Problem(Wire.TaskRequirements asked)
    {
        if (!LabelExpression.TryParse(asked.Labels, out var labels, out var problem)) return problem;
        var whole = With(labels, asked).Oversize();
        return whole.Length == 0 ? "" : $"Together with gpu_model and gpu_memory_mb: {whole}";
    }

    /// <summary>Of a request that was checked.</summary>
    public static LabelExpression Of(Wire.TaskRequirements? asked) =>
        asked is null ? LabelExpression.None : With(LabelExpression.Parse(asked.Labels), asked);

    /// <summary>Also only where the worker knows how to give it a file as standard input: one of before would run it without.</summary>
    public static LabelExpression OnInputFiles(LabelExpression labels) =>
        LabelExpression.Of([.. labels.Requirements, LabelRequirement.OneOf(LabelText.MachineInputFiles, "true")]);

    /// <summary>It can only run on machines of the account with that name: the hub says whose a machine is, and names are unique.</summary>
    public static bool IsForOwner(Wire.TaskRequirements asked, string username) => LabelExpression.Parse(asked.Labels).Requirements
        .Any(requirement => requirement is { Key: LabelText.NodeOwner, Operator: LabelOperator.In, Values: [var owner] } && owner == username);

    /// <summary>Back into the fields they came from; what did not come from one, or not alone, stays an expression.</summary>
    public static void Show(string stored, Wire.TaskRequirements shown)
    {
        List<LabelRequirement> rest = [];
        if (!LabelExpression.TryParse(stored, out var labels, out _))
        {
            shown.Labels = stored; // as it was asked for: one task that this program cannot read must not take a list with it
            return;
        }

        foreach (var requirement in labels.Requirements)
        {
            if (IsModel(requirement) && shown.GpuModel.Length == 0) shown.GpuModel = requirement.Values[0];
            else if (IsMemory(requirement, out var memoryMb) && shown.GpuMemoryMb == 0) shown.GpuMemoryMb = memoryMb;
            else if (requirement.Key != LabelText.MachineInputFiles) rest.Add(requirement);
        }

        shown.Labels = LabelExpression.Of(rest).ToString();
    }

    private static LabelExpression With(LabelExpression labels, Wire.TaskRequirements asked)
    {
        List<LabelRequirement> all = [.. labels.Requirements];
        if (asked.GpuModel.Length > 0) all.Add(LabelRequirement.OneOf(LabelText.GpuModel, asked.GpuModel));
        if (asked.GpuMemoryMb > 0) all.Add(LabelRequirement.Compared(LabelText.GpuMemory, LabelOperator.AtLeast, asked.GpuMemoryMb));
        return LabelExpression.Of(all);
    }

    private static bool IsModel(LabelRequirement requirement) =>
        requirement is { Key: LabelText.GpuModel, Operator: LabelOperator.In, Values: [{ Length: > 0 }] };

    private static bool IsMemory(LabelRequirement requirement, out long memoryMb)
    {
        memoryMb = 0;
        return requirement is { Key: LabelText.GpuMemory, Operator: LabelOperator.AtLeast }
            && long.TryParse(requirement.Values[0], NumberStyles.None, CultureInfo.InvariantCulture, out memoryMb) && memoryMb > 0;
    }
}
