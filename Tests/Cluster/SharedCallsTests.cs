using HiveMind.Persistence;

namespace HiveMind.Tests.Cluster;

public sealed class SharedCallsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly List<int[]> _calls = [];
    private readonly SemaphoreSlim _begun = new(0), _go = new(0);

    private SharedCalls<int> Calls(int most = 1000) => new(async items =>
    {
        _calls.Add([.. items]); // one at a time, by what is tested here
        _begun.Release();
        Assert.True(await _go.WaitAsync(Patience));
        if (items.Contains(-1)) throw new IOException("away");
    }, most);

    [Fact]
    public async Task Join_WhileOneIsUnderWay_AllThatComeGoWithTheNext()
    {
        var calls = Calls();
        var first = calls.Join(1);
        Assert.True(await _begun.WaitAsync(Patience));
        Task[] others = [.. Enumerable.Range(2, 500).Select(calls.Join)];
        _go.Release();
        await first.WaitAsync(Patience);
        Assert.True(await _begun.WaitAsync(Patience));
        Assert.DoesNotContain(others, other => other.IsCompleted);

        _go.Release();
        await Task.WhenAll(others).WaitAsync(Patience);

        Assert.Equal([[1], [.. Enumerable.Range(2, 500)]], _calls);
    }

    [Fact]
    public async Task Join_MoreThanOneCallTakes_GoInSeveralInOrder()
    {
        var calls = Calls(most: 3);
        _go.Release(10);
        Task[] all = [.. Enumerable.Range(0, 10).Select(calls.Join)];
        await Task.WhenAll(all).WaitAsync(Patience);
        Assert.All(_calls, call => Assert.InRange(call.Length, 1, 3));
        Assert.Equal(Enumerable.Range(0, 10), _calls.SelectMany(call => call));
    }

    [Fact]
    public async Task Join_CallFails_ItFailsForAllOfItAndForNobodyElse()
    {
        var calls = Calls();
        var first = calls.Join(1);
        Assert.True(await _begun.WaitAsync(Patience));
        Task[] bad = [calls.Join(2), calls.Join(-1)];
        _go.Release(3);
        await first.WaitAsync(Patience);
        foreach (var one in bad) await Assert.ThrowsAsync<IOException>(() => one.WaitAsync(Patience));
        await calls.Join(3).WaitAsync(Patience);
    }
}
