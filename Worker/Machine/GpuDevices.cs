namespace HiveMind.Workers.Machine;

/// <summary>The device files of GPUs: a run sees those that it was given and no other.</summary>
internal static class GpuDevices
{
    private const string Drivers = "/proc/driver/nvidia/gpus";

    public static IReadOnlyList<string> Of(IReadOnlyList<string> ids)
    {
        if (ids.Count == 0 || !Directory.Exists(Drivers)) return [];
        var known = Directory.EnumerateDirectories(Drivers).Select(folder => MachineProbe.Text(Path.Combine(folder, "information"))).ToArray();
        return [.. ids.SelectMany(id => known.Select(text => ProcFiles.GpuMinor(text, id))).OfType<int>().Select(minor => $"/dev/nvidia{minor}")];
    }
}
