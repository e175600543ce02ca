using HiveMind.Workers.Machine;
using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

public sealed class ProcFilesTests
{
    [Fact]
    public void MeminfoMb_Field_IsReadInMebibytes()
    {
        const string text = "MemTotal:        4028416 kB\nMemFree:  10 kB\nMemAvailable:    2097152 kB\n";
        Assert.Equal(3934, ProcFiles.MeminfoMb(text, "MemTotal"));
        Assert.Equal(2048, ProcFiles.MeminfoMb(text, "MemAvailable"));
        Assert.Null(ProcFiles.MeminfoMb(text, "Swap"));
    }

    [Theory]
    [InlineData("max\n", null)]
    [InlineData("9223372036854771712\n", null)]
    [InlineData("", null)]
    [InlineData("536870912\n", 512L)]
    public void CgroupLimitMb_BothKinds(string text, long? expected) => Assert.Equal(expected, ProcFiles.CgroupLimitMb(text));

    [Fact]
    public void CgroupLimitFiles_BothKinds_OwnGroupAndAllAbove()
    {
        Assert.Equal(["/sys/fs/cgroup/a/b/memory.max", "/sys/fs/cgroup/a/memory.max", "/sys/fs/cgroup/memory.max"],
            ProcFiles.CgroupLimitFiles("0::/a/b\n"));
        Assert.Equal(["/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.limit_in_bytes"],
            ProcFiles.CgroupLimitFiles("5:devices:/y\n4:memory:/x\n"));
    }

    [Fact]
    public void Cpu_TwoReadings_PercentOfTheTimeBetween()
    {
        var before = ProcFiles.Cpu("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1\n")!.Value;
        var after = ProcFiles.Cpu("cpu  130 0 120 740 110 0 0 0 0 0\n")!.Value;
        Assert.Equal(50, after.PercentSince(before));
        Assert.Equal(0, after.PercentSince(after));
        Assert.Null(ProcFiles.Cpu("nothing"));
    }

    [Fact]
    public void Process_NameWithSpacesAndParentheses_FieldsCountFromTheLast() =>
        Assert.Equal(new ProcessEntry(42, 7, 9, 'S'), ProcFiles.Process("42 (a) b (c) S 7 9 9 0 -1\n"));

    [Fact]
    public void Process_Times_AreItsOwnAndItsEndedChildrens() => Assert.Equal(
        new ProcessEntry(42, 7, 9, 'Z', 1 + 20 + 300 + 4000), ProcFiles.Process("42 (x) Z 7 9 9 0 -1 4194304 100 200 0 0 1 20 300 4000 25 5 1 0 99 0 0\n"));

    [Fact]
    public void Gpus_OneALine_WhatIsNoGpuIsLeftOut()
    {
        Assert.Equal(
            [new GpuFound("GPU-5a", "NVIDIA A100, 80GB", 81920), new GpuFound("GPU-6b", "NVIDIA GB10", 0)],
            ProcFiles.Gpus("GPU-5a, 81920, NVIDIA A100, 80GB\r\n\nGPU-6b, [N/A], NVIDIA GB10\nGPU-7c, 5\n, 1, x\nUnable to determine the device handle, x, y\n"));
        Assert.Empty(ProcFiles.Gpus("No devices were found\n"));
        Assert.Empty(ProcFiles.Gpus(""));
    }

    [Fact]
    public void GpuPercent_OneALine_IsTheMean()
    {
        Assert.Equal(40, ProcFiles.GpuPercent("30\n50\n"));
    }

    [Theory]
    [InlineData("Rss: 2000 kB\nPss:   1234 kB\nPss_Anon:   900 kB\nPss_File:  300 kB\nPss_Shmem:   34 kB\nSwapPss:  5 kB\n", 905, 34)]
    [InlineData("Rss: 2000 kB\nPss:   1234 kB\n", 1234, 0)] // Linux before 5.4
    [InlineData("", 0, 0)] // it is just ending
    public void Shares_Rollup_OwnAndSharedPages(string text, long own, long shared) => Assert.Equal((own, shared), ProcFiles.Shares(text));

    [Fact]
    public void PythonVersion_OnlyPython3() =>
        Assert.Equal(("3.11.2", null), (ProcFiles.PythonVersion("Python 3.11.2\n"), ProcFiles.PythonVersion("Python 2.7.18")));

    [Theory]
    [InlineData("MemoryError", true)]
    [InlineData("OSError: [Errno 12] Cannot allocate memory", true)]
    [InlineData("ValueError: MemoryError", false)]
    public void SaysOutOfMemory_LastLine(string line, bool expected) => Assert.Equal(expected, MemoryLimit.SaysOutOfMemory(line));
}
