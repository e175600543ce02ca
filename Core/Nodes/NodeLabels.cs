using System.Globalization;
using HiveMind.Scheduling;

namespace HiveMind.Nodes;

/// <summary>
/// The labels a node is matched by: what its owner says, and what the hub knows of it. The hub's own prefixes win, so that a record of
/// old or a worker that says otherwise cannot pass for another machine.
/// </summary>
public static class NodeLabels
{
    /// <summary>Anew at every registration, connection and activation: labels are derived, never stored.</summary>
    public static IReadOnlyDictionary<string, string> Of(string nodeId, string ownerName, NodeCapabilities capabilities)
    {
        var labels = capabilities.Labels.Where(l => !LabelText.IsHubs(l.Key)).ToDictionary(StringComparer.Ordinal);
        labels[LabelText.NodeId] = nodeId;
        labels[LabelText.NodeOwner] = ownerName;
        labels[LabelText.MachineCores] = capabilities.CpuCores.ToString("0.###", CultureInfo.InvariantCulture);
        labels[LabelText.MachineMemory] = capabilities.MemoryMb.ToString(CultureInfo.InvariantCulture);
        labels[LabelText.MachineSandboxed] = capabilities.Sandboxed ? "true" : "false";
        if (capabilities.StandardInputFiles) labels[LabelText.MachineInputFiles] = "true";
        if (capabilities.GpuCount == 0) return labels;
        labels[LabelText.GpuCount] = capabilities.GpuCount.ToString(CultureInfo.InvariantCulture);
        if (capabilities.GpuModel.Length > 0) labels[LabelText.GpuModel] = capabilities.GpuModel;
        if (capabilities.GpuMemoryMb > 0) labels[LabelText.GpuMemory] = capabilities.GpuMemoryMb.ToString(CultureInfo.InvariantCulture);
        return labels;
    }
}
