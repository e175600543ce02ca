using CsCheck;
using HiveMind.Rewards;
using HiveMind.Scheduling;

namespace HiveMind.Tests.Rewards;

public sealed class RewardFormulaTests
{
    private static readonly RewardRates Rates = new(1, 0.1m, 10);

    [Fact]
    public void Micros_OneCoreOneHour_IsOneCredit() => Assert.Equal(Credits.Micro, RewardFormula.Micros(new(1000, 0, 0), 3_600_000, Rates));

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    public void Micros_NextToNoCores_IsChargedAsATenthOfACore(int milliCores) =>
        Assert.Equal(Credits.Micro / 10, RewardFormula.Micros(new(milliCores, 0, 0), 3_600_000, Rates));

    [Fact]
    public void Micros_MemoryAndGpu_AddUp() =>
        Assert.Equal(Credits.Micro * 112 / 10, RewardFormula.Micros(new(1000, 2048, 1), 3_600_000, Rates));

    [Fact]
    public void Micros_NeverNegativeAndGrowsWithTime() =>
        Gen.Select(Gen.Int[0, 64_000], Gen.Int[0, 1 << 20], Gen.Int[0, 8], Gen.Long[-10, 100_000_000]).Sample((cores, memory, gpus, ms) =>
        {
            var request = new ResourceRequest(cores, memory, gpus);
            var due = RewardFormula.Micros(request, ms, Rates);
            return due >= 0 && RewardFormula.Micros(request, ms + 1000, Rates) >= due;
        });

    [Theory]
    [InlineData(10_000, 0, 10_000)]
    [InlineData(10_000, 4_000, 4_000)]
    [InlineData(10_000, 99_000, 10_000)]
    [InlineData(400_000, 0, 300_000)]
    [InlineData(-5, 0, 0)]
    public void PayableMs_TheWorkersFigureOnlyLowers(long measured, long claimed, long payable) =>
        Assert.Equal(payable, RewardFormula.PayableMs(TimeSpan.FromMilliseconds(measured), claimed, TimeSpan.FromMinutes(5)));
}
