using HiveMind.Scheduling;

namespace HiveMind.Tests.Cluster;

public sealed class SharedPassTests
{
    private readonly List<TaskCompletionSource> _passes = [];
    private readonly SemaphoreSlim _begun = new(0);
    private readonly SharedPass _shared;

    public SharedPassTests() => _shared = new SharedPass(() =>
    {
        _passes.Add(new TaskCompletionSource());
        _begun.Release();
        return _passes[^1].Task;
    });

    [Fact]
    public async Task Run_WhileOneIsUnderWay_EndsWithTheNextWhichAllWhoAskedShare()
    {
        var first = _shared.Run();
        var second = _shared.Run();
        var third = _shared.Run();
        await PassBegins();
        Assert.Single(_passes);

        _passes[0].SetResult();
        await first;
        await PassBegins();
        Assert.False(second.IsCompleted || third.IsCompleted, "the pass under way does not count for those who asked meanwhile");

        _passes[1].SetResult();
        await Task.WhenAll(second, third);
        Assert.Equal(2, _passes.Count);
        Assert.False(_shared.IsUnderWay);
    }

    [Fact]
    public async Task Run_AfterAPassThatFailed_IsAPassOfItsOwn()
    {
        var first = _shared.Run();
        var second = _shared.Run();
        await PassBegins();

        _passes[0].SetException(new InvalidOperationException("as the test says"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => first);
        await PassBegins();
        _passes[1].SetResult();
        await second;
    }

    [Fact]
    public async Task WhenIdle_TwoPassesToGo_EndsAfterBoth()
    {
        _ = _shared.Run();
        _ = _shared.Run();
        var idle = _shared.WhenIdle(CancellationToken.None);

        await PassBegins();

        _passes[0].SetResult();
        await PassBegins();
        Assert.False(idle.IsCompleted);
        _passes[1].SetResult();

        await idle.WaitAsync(TimeSpan.FromSeconds(10));
    }

    private async Task PassBegins() => Assert.True(await _begun.WaitAsync(TimeSpan.FromSeconds(10)), "the pass begins");
}
