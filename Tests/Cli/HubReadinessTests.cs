using HiveMind.Cli;
using HiveMind.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Cli;

/// <summary>`up` believes its own child, by its word and its end, and nobody who answers at the child's port.</summary>
public sealed class HubReadinessTests
{
    private static readonly CancellationToken Stop = TestContext.Current.CancellationToken;
    private static readonly ReadyLine Here = new(new Uri("http://127.0.0.1:50051"), new Uri("http://127.0.0.1:8080"));
    private static readonly SiloEnd PortTaken = new(SiloHost.BadConfiguration, "starting\nhivemind: Port 50051 is in use.\n");
    private readonly Child _silo = new();
    private readonly FakeTimeProvider _time = new();
    private int _asked;

    [Fact]
    public async Task SiloThatEnds_WhateverAnswersAtItsPort_IsToldInItsWords()
    {
        var waiting = Wait();
        _silo.EndedSource.SetResult(PortTaken);

        var failure = await Assert.ThrowsAsync<CliException>(() => waiting);
        Assert.Equal((SiloHost.BadConfiguration, "The silo did not start: Port 50051 is in use."), (failure.ExitCode, failure.Message));
        Assert.Equal(0, _asked);
    }

    [Fact]
    public async Task SiloThatDiesRightAfterItsWord_IsNotReady()
    {
        _silo.ReadySource.SetResult(Here);
        var failure = await Assert.ThrowsAsync<CliException>(() => HubReadiness.Wait(_silo, (_, _) =>
        {
            _silo.EndedSource.TrySetResult(new SiloEnd(137, "gone"));
            return Task.FromResult(true); // by whoever took the port
        }, _time, Stop));

        Assert.Equal(137, failure.ExitCode);
    }

    [Fact]
    public async Task SlowSilo_IsWaitedFor_UntilPatienceEnds()
    {
        var waiting = Wait();
        _time.Advance(HubReadiness.Patience - TimeSpan.FromSeconds(1));
        Assert.False(waiting.IsCompleted);
        _silo.ReadySource.SetResult(Here);
        Assert.Equal(Here, await waiting);
    }

    [Fact]
    public async Task SiloThatNeverSaysIt_IsGivenUp()
    {
        var waiting = Wait();
        _time.Advance(HubReadiness.Patience);

        Assert.Equal("SILO_NOT_READY", (await Assert.ThrowsAsync<CliException>(() => waiting)).Reason);
        Assert.Equal(0, _asked);
    }

    [Fact]
    public async Task WorkAtASiloThatDies_IsStopped_AndTheEndIsTold()
    {
        var stopped = false;
        var working = SiloChild.WhileAlive(_silo, async alive =>
        {
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, alive);
            }
            finally
            {
                stopped = true;
            }

            return 1;
        }, Stop);
        _silo.EndedSource.SetResult(new SiloEnd(139, "gone"));

        Assert.Equal(139, (await Assert.ThrowsAsync<CliException>(() => working)).ExitCode);
        Assert.True(stopped);
    }

    [Fact]
    public async Task WorkAtASiloThatLives_Answers() => Assert.Equal(7, await SiloChild.WhileAlive(_silo, _ => Task.FromResult(7), Stop));

    [Theory]
    [InlineData("word http://127.0.0.1:1#sha256=x http://127.0.0.1:2", true)]
    [InlineData("other http://127.0.0.1:1 http://127.0.0.1:2", false)]
    [InlineData("word http://127.0.0.1:1", false)]
    [InlineData("HiveMind is ready after 1.0 s.", false)]
    public void ReadyLine_IsKnownByItsWord(string line, bool isReady) => Assert.Equal(isReady ? line : null, ReadyLine.Parse(line, "word")?.Text("word"));

    private Task<ReadyLine> Wait() => HubReadiness.Wait(_silo, (_, _) =>
    {
        _asked++;
        return Task.FromResult(true);
    }, _time, Stop);

    private sealed class Child : ISiloChild
    {
        public TaskCompletionSource<ReadyLine> ReadySource { get; } = new();
        public TaskCompletionSource<SiloEnd> EndedSource { get; } = new();
        public Task<ReadyLine> Ready => ReadySource.Task;
        public Task<SiloEnd> Ended => EndedSource.Task;
        public string Tail => "";
    }
}
