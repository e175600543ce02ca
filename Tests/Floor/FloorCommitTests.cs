using HiveMind.Storage;

namespace HiveMind.Tests.Floors;

public sealed class FloorCommitTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task CommitAsync_ManyDuringOneCommit_ShareTheNext()
    {
        var began = new SemaphoreSlim(0);
        var mayEnd = new SemaphoreSlim(0);
        var commit = new FloorCommit(async cancel =>
        {
            began.Release();
            await mayEnd.WaitAsync(cancel);
        }, Deadline);

        var first = commit.CommitAsync();
        Assert.True(await began.WaitAsync(Deadline));
        var others = Enumerable.Range(0, 100).Select(_ => commit.CommitAsync()).ToList();
        Assert.DoesNotContain(others, other => other.IsCompleted);
        mayEnd.Release();
        await first.WaitAsync(Deadline);
        Assert.True(await began.WaitAsync(Deadline));
        Assert.DoesNotContain(others, other => other.IsCompleted);
        mayEnd.Release();
        await Task.WhenAll(others).WaitAsync(Deadline);

        Assert.Equal(2, commit.Commits);
    }

    [Fact]
    public async Task CommitAsync_CommitFails_UnavailableAndTheNextIsTriedAgain()
    {
        var fail = true;
        var commit = new FloorCommit(_ => fail ? throw new IOException("No space left on device") : Task.CompletedTask, Deadline);

        var failure = await Assert.ThrowsAsync<HiveMindException>(commit.CommitAsync);
        fail = false;
        await commit.CommitAsync().WaitAsync(Deadline);

        Assert.Equal((FailureKind.Unavailable, FloorFailures.Reason), (failure.Kind, failure.Reason));
    }

    [Fact]
    public async Task CommitAsync_CommitHangs_UnavailableAfterTheTimeout()
    {
        var commit = new FloorCommit(_ => new TaskCompletionSource().Task, TimeSpan.FromMilliseconds(50));

        var failure = await Assert.ThrowsAsync<HiveMindException>(() => commit.CommitAsync().WaitAsync(Deadline));

        Assert.Equal(FailureKind.Unavailable, failure.Kind);
    }
}
