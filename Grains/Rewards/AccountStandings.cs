using System.Collections.Concurrent;
using HiveMind.Tasks;
using Microsoft.Extensions.Options;

namespace HiveMind.Rewards;

/// <summary>
/// Whether an account is active and its balance still covers its open tasks, as its <see cref="IAccountLoadGrain"/> said at most a second ago: asked
/// at every grant, so the grain is not.
/// </summary>
public sealed class AccountStandings(IGrainFactory grains, IOptions<HubOptions> options, TimeProvider time)
{
    private const int Most = 10_000;
    private static readonly TimeSpan Age = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, (Task<AccountStanding> Answer, long At)> _known = new();

    /// <summary>Why none of its tasks may start now, as a refusal of <see cref="GrantResult"/>; null: they may.</summary>
    /// <param name="userId">The submitter.</param>
    /// <param name="isHeld">What the task may cost is held of the balance.</param>
    public async ValueTask<string?> Refusal(string userId, bool isHeld)
    {
        if (!isHeld && options.Value.Auth.Mode == AuthMode.Open) return null; // its accounts are names that callers give themselves
        try
        {
            var standing = await Of(userId);
            if (!standing.IsActive) return GrantResult.AccountInactive;
            return isHeld && !standing.IsCovered ? GrantResult.NoCredit : null;
        }
        catch (Exception) when (!isHeld)
        {
            return null; // nothing is at stake but that it runs until the account's closing cancels it: the database being away holds it up no more than before
        }
    }

    /// <summary>What it said is not true any more.</summary>
    public void Forget(string userId) => _known.TryRemove(userId, out _);

    private Task<AccountStanding> Of(string userId)
    {
        if (!_known.TryGetValue(userId, out var known) || time.GetElapsedTime(known.At) >= Age || known.Answer.IsFaulted)
        {
            if (_known.Count >= Most) _known.Clear();
            _known[userId] = known = (grains.GetGrain<IAccountLoadGrain>(userId).GetStanding(), time.GetTimestamp());
        }

        return known.Answer;
    }
}
