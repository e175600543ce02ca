namespace HiveMind;

public sealed class AuthOptions
{
    /// <summary>Locked, or Open: loopback only, calls without a token act as the account they name.</summary>
    public AuthMode Mode { get; set; } = AuthMode.Locked;
    /// <summary>1 minute to 30 days.</summary>
    public TimeSpan SessionTimeout { get; set; } = TimeSpan.FromHours(1);
    /// <summary>A session ends then, however often it was renewed: SessionTimeout to 365 days.</summary>
    public TimeSpan SessionMaxAge { get; set; } = TimeSpan.FromDays(30);
    public RegistrationMode Registration { get; set; } = RegistrationMode.Open;
    /// <summary>Accounts that one address (IPv6: /64) may make in a day without a code, 1 to 1000000.</summary>
    public int RegistrationsPerAddress { get; set; } = 100;
    /// <summary>Password hashes computed at the same time, 1 to 64; 0: half of the cores, at least 1.</summary>
    public int HashingSlots { get; set; }
}
