using System.Threading.Channels;
using HiveMind.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace HiveMind.Users;

/// <summary>Says that an account has become inactive, so that what it has is ended now and not at the next look.</summary>
public interface IClosingAccounts
{
    void Wake();
}

/// <summary>
/// Carries the closing of accounts through, whatever happens in between: the mark is in the database since the transaction that made the account inactive, and
/// goes only after a pass that found nothing, some time later, so that a submit that was under way is met too. Every silo looks; a pass can be repeated.
/// </summary>
public sealed partial class ClosingAccounts(IAccountStore database, AccountClosing closing, TimeProvider time, ILogger<ClosingAccounts> log)
    : BackgroundService, IClosingAccounts
{
    /// <summary>Longer than a call that was let in before may take to have its effect.</summary>
    internal static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(5), Look = TimeSpan.FromSeconds(30);
    private const int AtOnce = 100;

    private readonly Dictionary<string, long> _seen = []; // when this silo first met it: by its own clock, which does not step

    private readonly Channel<bool> _woken = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public void Wake() => _woken.Writer.TryWrite(true);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var some = await LookOnce(stoppingToken);
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            var timer = Task.Delay(some ? Again : Look, time, pause.Token);
            await Task.WhenAny(timer, _woken.Reader.WaitToReadAsync(pause.Token).AsTask());
            await pause.CancelAsync();
            _woken.Reader.TryRead(out _);
        }
    }

    /// <summary>Whether there is any that is not done.</summary>
    private async Task<bool> LookOnce(CancellationToken cancel)
    {
        try
        {
            var accounts = await database.Closing(AtOnce, cancel);
            foreach (var userId in accounts)
            {
                _seen.TryAdd(userId, time.GetTimestamp());
                var nothingLeft = await Pass(userId, cancel);
                if (!nothingLeft || time.GetElapsedTime(_seen[userId]) < Longest) continue;
                await database.NoteClosed(userId, cancel);
                _seen.Remove(userId);
            }

            foreach (var over in _seen.Keys.Except(accounts).ToList()) _seen.Remove(over); // active again, or closed by another silo
            return accounts.Count > 0;
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            LogAgain(e);
            return true;
        }
    }

    /// <summary>One that fails is met again by the next look, and holds up none of the others.</summary>
    private async Task<bool> Pass(string userId, CancellationToken cancel)
    {
        try
        {
            return await closing.Pass(userId, cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            LogAgain(e);
            return false;
        }
    }

    [LoggerMessage(LogLevel.Warning, "Accounts that were shut out could not be looked at; it is tried again")]
    private partial void LogAgain(Exception error);
}
