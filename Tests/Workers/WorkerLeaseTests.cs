using HiveMind.Workers.Connection;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Workers;

public sealed class WorkerLeaseTests
{
    private static readonly TimeSpan Twelve = TimeSpan.FromSeconds(12);
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void IsHeld_NeverGranted_False() => Assert.False(new WorkerLease(_time).IsHeld);

    [Fact]
    public void Granted_CountsFromTheHello_NotFromTheWelcome()
    {
        var lease = new WorkerLease(_time);
        var helloSentAt = _time.GetTimestamp();
        _time.Advance(TimeSpan.FromSeconds(5));
        lease.Granted(Twelve, helloSentAt);
        Assert.Equal(TimeSpan.FromSeconds(7), lease.Remaining);
    }

    [Fact]
    public void Answered_CountsFromSending_NotFromTheAnswer()
    {
        var lease = Granted();
        _time.Advance(TimeSpan.FromSeconds(3));
        lease.Sending(1);
        _time.Advance(TimeSpan.FromSeconds(4));
        lease.Answered(1);
        Assert.Equal(TimeSpan.FromSeconds(8), lease.Remaining);
    }

    [Fact]
    public void Answered_OlderThanWhatWasAnswered_ChangesNothing()
    {
        var lease = Granted();
        lease.Sending(1);
        _time.Advance(TimeSpan.FromSeconds(3));
        lease.Sending(2);
        lease.Answered(2);
        lease.Answered(1);
        Assert.Equal(Twelve, lease.Remaining);
    }

    [Fact]
    public void Sending_WithoutAnswer_RenewsNothing()
    {
        var lease = Granted();
        for (var second = 1; second <= 12; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            lease.Sending(second);
        }
        Assert.False(lease.IsHeld);
    }

    [Fact]
    public void Answered_AfterAnotherGrant_CountsForNothing()
    {
        var lease = Granted();
        lease.Sending(7);
        _time.Advance(TimeSpan.FromSeconds(2));
        lease.Granted(Twelve, _time.GetTimestamp());
        _time.Advance(TimeSpan.FromSeconds(1));
        lease.Answered(7);
        Assert.Equal(TimeSpan.FromSeconds(11), lease.Remaining);
    }

    private WorkerLease Granted()
    {
        var lease = new WorkerLease(_time);
        lease.Granted(Twelve, _time.GetTimestamp());
        return lease;
    }
}
