namespace HiveMind.Users;

/// <summary>
/// Passwords against stored hashes, within the slots. A password is compared in Unicode's composed form; one that was given in another form is
/// also compared as given, because hashes from before were made so. What was right once is remembered by a keyed digest, in memory only.
/// </summary>
public sealed class PasswordChecks(HashingSlots hashing)
{
    private readonly CredentialVerifier _verifier = new();

    /// <summary>Costs the same whether there is such an account or not.</summary>
    public async Task<bool> IsRight(string password, AccountRow? row, string network, bool first, CancellationToken cancel)
    {
        var composed = Nfc.Compose(password);
        if (row is not null && _verifier.Knows(row.UserId, composed, row.PasswordHash)) return true;
        var (salt, stored) = row is null ? (PasswordHash.NewSalt(), PasswordHash.Locked) : (row.Salt, row.PasswordHash);
        var right = await hashing.Run(() => PasswordHash.Matches(composed, salt, stored) | (composed != password && PasswordHash.Matches(password, salt, stored)),
            network, first, cancel);
        if (right) _verifier.Remember(row!.UserId, composed, row.PasswordHash);
        return right;
    }

    public async Task<(string Hash, string Salt)> Make(string password, string network, bool first, CancellationToken cancel)
    {
        var (salt, composed) = (PasswordHash.NewSalt(), Nfc.Compose(password));
        return (await hashing.Run(() => PasswordHash.Compute(composed, salt), network, first, cancel), salt);
    }
}
