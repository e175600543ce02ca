using CsCheck;
using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Rewards;

/// <summary>An account's sums against a small world of index and database that are read late, told lossily and cut short by crashes.</summary>
public sealed class AccountLoadTests
{
    private static readonly RoleOptions Quota = new() { MaxOpen = 6, MaxPayloadMb = 10 };
    private static readonly TimeSpan Now = TimeSpan.FromMinutes(1);

    private static string Id(int number) => number.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);

    private static TaskAsk Ask(int number, long bytes = 0) => new(Id(number), new(1000, 256, 0), TimeSpan.FromHours(1), TimeSpan.Zero, RetrySpec.Default, bytes);

    private static PendingTask Entry(int number, long hold) =>
        new(Id(number), "u", "python", TaskPriority.Normal, new(1000, 256, 0), default, default) { HoldMicros = hold };

    private static TaskHold Hold(long micros) => new(micros, micros, 1);

    [Fact]
    public void Admit_BeyondTheBalance_SaysWhatItCostsWhatIsFreeAndWhatToChange()
    {
        var load = new AccountLoad();
        load.BalanceIs(10_000_000, 0);
        Assert.True(load.Admit(Ask(1), Hold(9_000_000), Quota, Now).IsNew);

        var refusal = load.Admit(Ask(2), Hold(1_025_000), Quota, Now).Refusal!;

        Assert.Equal((FailureKind.FailedPrecondition, "INSUFFICIENT_CREDITS"), (refusal.Kind, refusal.Reason));
        foreach (var said in new[] { "1.025", "1 are free", "balance of 10", "9 are held", "shorter timeout", "fewer cores", "lend a machine" })
            Assert.Contains(said, refusal.Message, StringComparison.Ordinal);
        Assert.Equal(new AccountStanding(10_000_000, 9_000_000, 1, 0), load.Standing);
    }

    [Fact]
    public void Admit_BeyondAQuota_NamesItWhatIsUsedAndTheLimit()
    {
        var load = new AccountLoad();
        var large = load.Admit(Ask(9, 11 << 20), null, Quota, Now).Refusal!;
        Assert.Equal((FailureKind.ResourceExhausted, "PAYLOAD_QUOTA"), (large.Kind, large.Reason));
        Assert.Contains("at most 10 MiB", large.Message, StringComparison.Ordinal);
        for (var i = 0; i < 6; i++) Assert.Null(load.Admit(Ask(i), null, Quota, Now).Refusal);

        var many = load.Admit(Ask(7), null, Quota, Now).Refusal!;

        Assert.Equal("OPEN_QUOTA", many.Reason);
        Assert.Contains("6 of your tasks", many.Message, StringComparison.Ordinal);
        Assert.Null(load.Admit(Ask(3), null, Quota, Now).Refusal); // it is open: submitted again
    }

    [Fact]
    public void Free_BeforeTheBalanceKnowsIt_FreesNothing()
    {
        var load = new AccountLoad();
        load.BalanceIs(10, 0);
        load.Admit(Ask(1), Hold(10), Quota, Now);
        load.Free(Id(1));
        Assert.NotNull(load.Admit(Ask(2), Hold(1), Quota, Now).Refusal); // it may have cost all of it

        load.BalanceIs(3, load.BalanceMark);

        Assert.NotNull(load.Admit(Ask(2), Hold(4), Quota, Now).Refusal);
        Assert.True(load.Admit(Ask(2), Hold(3), Quota, Now).IsNew);
    }

    [Fact]
    public void NotBorn_ByOneOfTwoCallsOfTheSameId_IsKeptForTheOther()
    {
        var load = new AccountLoad();
        load.BalanceIs(10, 0);
        load.Admit(Ask(1), Hold(10), Quota, Now);
        load.Admit(Ask(1), Hold(10), Quota, Now); // the same request_id, at the same moment
        load.NotBorn(Id(1));
        Sum(load, []);
        Assert.NotNull(load.Admit(Ask(2), Hold(10), Quota, Now).Refusal);

        load.BeginSumming();
        load.EndSumming([], Now + AccountLoad.BirthBound); // neither was born
        load.BalanceIs(10, load.BalanceMark);
        Assert.True(load.Admit(Ask(2), Hold(10), Quota, Now).IsNew);
    }

    [Fact]
    public void EndSumming_WhatWasFreedMeanwhile_DoesNotComeBack()
    {
        var load = new AccountLoad();
        load.BalanceIs(10, 0);
        load.BeginSumming();
        load.Free(Id(1));
        load.EndSumming([Entry(1, 10), Entry(2, 4)], Now);
        Assert.Equal((4, 1), (load.Standing.HeldMicros, load.Standing.OpenTasks));
    }

    [Fact]
    public void EndSumming_EntryThatCannotBeRead_IsOpenWithTheHoldThatIsKnown()
    {
        var load = new AccountLoad();
        load.BalanceIs(10, 0);
        load.BeginSumming();
        load.EndSumming([Entry(1, 4), Entry(2, 3)], Now);
        load.BeginSumming();
        load.EndSumming([Entry(2, 3)], Now, [Id(1), Id(3)]);
        Assert.Equal((7, 3), (load.Standing.HeldMicros, load.Standing.OpenTasks));
        load.Free(Id(1));
        load.BalanceIs(10, load.BalanceMark);
        Assert.Equal((3, 2), (load.Standing.HeldMicros, load.Standing.OpenTasks));
    }

    /// <summary>Every interleaving of reads that are late, ends that are told or not, and fresh activations: never below zero.</summary>
    [Fact]
    public void AnyInterleaving_NeverLeavesTheAccountBelowZero() => Gen.Select(Gen.Int[0, 9], Gen.Int[0, 20], Gen.Bool).List[10, 200].Sample(steps =>
    {
        var (load, balance, next) = (new AccountLoad(), 100L, 0);
        var quota = new RoleOptions();
        var (index, admitted, unread) = (new Dictionary<int, long>(), new Dictionary<int, long>(), new List<int>());
        (long Micros, long Mark)? reading = null;
        List<PendingTask>? summing = null;
        load.BalanceIs(balance, 0);
        foreach (var (kind, size, told) in steps)
        {
            switch (kind)
            {
                case 0 or 1 or 2: // a submit; the balance is what was read last
                    if (load.Admit(Ask(next), Hold(size), quota, Now).IsNew) admitted[next] = size;
                    next++;
                    break;
                case 3 when admitted.Count > 0: // a birth: its entry
                    var born = admitted.First();
                    admitted.Remove(born.Key);
                    index[born.Key] = born.Value;
                    break;
                case 4 or 5 when index.Count > 0: // an end: the database, then the index, then a hint that may be lost
                    var ended = index.First();
                    balance -= Math.Min(size, ended.Value);
                    index.Remove(ended.Key);
                    if (told) load.Free(Id(ended.Key));
                    break;
                case 6:
                    if (reading is { } read) load.BalanceIs(read.Micros, read.Mark);
                    reading = reading is null ? (balance, load.BalanceMark) : null;
                    break;
                case 7:
                    if (summing is null) load.BeginSumming();
                    else load.EndSumming(summing, Now);
                    summing = summing is null ? [.. index.Select(entry => Entry(entry.Key, entry.Value))] : null;
                    break;
                case 8 when admitted.Count > 0: // a submit that came to nothing
                    var failed = admitted.First();
                    admitted.Remove(failed.Key);
                    load.NotBorn(Id(failed.Key));
                    break;
                case 9 when told && admitted.Count == 0: // the grain moves: all of it is made anew
                    load = new AccountLoad();
                    (reading, summing) = (null, null);
                    load.BeginSumming();
                    load.EndSumming(index.Select(entry => Entry(entry.Key, entry.Value)), Now);
                    load.BalanceIs(balance, load.BalanceMark);
                    break;
            }

            if (balance < 0 || index.Values.Sum() + admitted.Values.Sum() > balance) return false;
        }

        return true;
    });

    private static void Sum(AccountLoad load, IEnumerable<PendingTask> index)
    {
        load.BeginSumming();
        load.EndSumming(index, Now);
        load.BalanceIs(load.Standing.BalanceMicros, load.BalanceMark);
    }
}
