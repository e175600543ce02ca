using HiveMind.Protos;

namespace HiveMind.Workers.Machine;

/// <summary>What the machine is used at, between one heartbeat and the next.</summary>
public sealed class UsageMeter(bool hasGpu, TimeProvider time)
{
    private static readonly TimeSpan GpuEvery = TimeSpan.FromSeconds(15);
    private CpuTimes _last = ProcFiles.Cpu(MachineProbe.Text("/proc/stat")) ?? default;
    private Task<double> _gpu = Task.FromResult(0.0);
    private double _gpuPercent;
    private long _gpuAskedAt;

    public ResourceUsage Read()
    {
        var now = ProcFiles.Cpu(MachineProbe.Text("/proc/stat")) ?? default;
        var memory = MachineProbe.Text("/proc/meminfo");
        var total = ProcFiles.MeminfoMb(memory, "MemTotal") ?? 0;
        var usage = new ResourceUsage
        {
            CpuUsage = now.PercentSince(_last),
            MemoryUsage = total > 0 ? Math.Clamp(100.0 * (total - (ProcFiles.MeminfoMb(memory, "MemAvailable") ?? total)) / total, 0, 100) : 0,
            GpuUsage = Gpu(),
        };
        _last = now;
        return usage;
    }

    /// <summary>nvidia-smi may take seconds: asked beside the heartbeats and seldom, the last answer is what counts.</summary>
    private double Gpu()
    {
        if (!hasGpu || !_gpu.IsCompleted)
            return _gpuPercent;
        if (_gpu.IsCompletedSuccessfully)
            _gpuPercent = _gpu.Result;
        if (_gpuAskedAt == 0 || time.GetElapsedTime(_gpuAskedAt) > GpuEvery)
        {
            _gpuAskedAt = time.GetTimestamp();
            _gpu = Ask();
        }
        return _gpuPercent;
    }

    private static async Task<double> Ask()
    {
        if (Programs.Find("nvidia-smi") is not { } smi)
            return 0;
        var answer = await Programs.Run(smi, ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"], TimeSpan.FromSeconds(10), default);
        return answer.ExitCode == 0 ? ProcFiles.GpuPercent(answer.Output) : 0;
    }
}
