using Microsoft.Extensions.Options;

namespace HiveMind.Users;

/// <summary>
/// Bounds how many passwords are hashed at once and how many may wait, on threads of low priority: a flood of logins must not slow
/// other calls down.
/// </summary>
public sealed class HashingSlots(IOptions<HubOptions> options) : IDisposable
{
    private const int WaitingPerSlot = 64;

    private readonly SemaphoreSlim _slots = new(Slots(options.Value.Auth));
    private readonly int _limit = Slots(options.Value.Auth) * WaitingPerSlot;
    private int _waiting;

    public async Task<T> Run<T>(Func<T> hash)
    {
        if (Interlocked.Increment(ref _waiting) > _limit)
        {
            Interlocked.Decrement(ref _waiting);
            AccountInstruments.HashingRefused();
            throw HiveMindException.Exhausted("HASHING_QUEUE_FULL", "Too many logins at once; try again.", TimeSpan.FromSeconds(1));
        }

        AccountInstruments.HashingAsked();
        try
        {
            await _slots.WaitAsync();
            try
            {
                return await OnQuietThread(hash);
            }
            finally
            {
                _slots.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
            AccountInstruments.HashingDone();
        }
    }

    public void Dispose() => _slots.Dispose();

    private static int Slots(AuthOptions auth) => auth.HashingSlots > 0 ? auth.HashingSlots : Math.Max(1, Environment.ProcessorCount / 2);

    private static Task<T> OnQuietThread<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception error)
            {
                done.SetException(error);
            }
        }) { IsBackground = true, Priority = ThreadPriority.BelowNormal, Name = "password hashing" }.Start();
        return done.Task;
    }
}
