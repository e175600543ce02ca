using System.Security.Cryptography;
using System.Text;
using HiveMind.Auditing;
using Microsoft.Data.Sqlite;

namespace HiveMind.Storage;

/// <summary>The first admin's one-time code: a file for the machine's owner, a hash in the database, used up with the account it makes.</summary>
public sealed partial class SqliteDatabase
{
    private const string CodeName = "admin_code_hash", UsedUp = "used";
    private string? _adminCodeFile;

    /// <summary>How codes are kept and compared: lower-case hex of SHA-256 of its text without white space around it.</summary>
    public static string HashCode(string code) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(code.Trim())));

    /// <summary>At the first start makes the code and its file `admin-code` (0600). The file's path while the code can be used, else null.</summary>
    public async Task<string?> EnsureAdminCode(string dataDirectory, CancellationToken cancel = default)
    {
        var path = Path.Combine(dataDirectory, "admin-code");
        var stored = await _file.Write((c, t) =>
        {
            if (MetaIn(c, t, CodeName) is { } already) return already;
            var code = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));
            WritePrivate(path, code); // a crash between this and the commit leaves a file that the next start writes anew
            SetMeta(c, t, CodeName, HashCode(code));
            return HashCode(code);
        }, cancel);
        _adminCodeFile = path;
        if (stored == UsedUp) DeleteAdminCodeFile();
        return File.Exists(path) ? path : null;
    }

    /// <summary>
    /// The way back in for whoever has the hub's machine: a new code, whether the last one was used or not, also while a silo runs on this database. The
    /// file's path.
    /// </summary>
    public async Task<string> NewAdminCode(string dataDirectory, CancellationToken cancel = default)
    {
        var path = Path.Combine(dataDirectory, "admin-code");
        await _file.Write((c, t) =>
        {
            var code = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));
            WritePrivate(path, code); // a crash between this and the commit leaves a file that opens nothing: ask again
            SetMeta(c, t, CodeName, HashCode(code));
            Audit(c, t, new(Actor.Operator, AuditActions.AdminCodeMade, Actor.Operator.Id));
            return 0;
        }, cancel);
        return path;
    }

    private void UseAdminCode(SqliteConnection connection, SqliteTransaction transaction, string hash, string userId, Actor by)
    {
        var stored = MetaIn(connection, transaction, CodeName) ?? UsedUp;
        if (stored == UsedUp || !CryptographicOperations.FixedTimeEquals(
            Encoding.ASCII.GetBytes(stored), Encoding.ASCII.GetBytes(hash.ToLowerInvariant())))
            throw HiveMindException.Denied("ADMIN_CODE_WRONG", "That admin code is wrong or used up.");
        SetMeta(connection, transaction, CodeName, UsedUp);
        Audit(connection, transaction, new(by, AuditActions.AdminCodeUsed, userId));
    }

    private void DeleteAdminCodeFile()
    {
        try
        {
            if (_adminCodeFile is not null) File.Delete(_adminCodeFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // it opens nothing any more, and the next start tries again
        }
    }

    private static void WritePrivate(string path, string code)
    {
        File.Delete(path);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var file = new FileStream(path, options);
        file.Write(Encoding.ASCII.GetBytes(code + "\n"));
        file.Flush(flushToDisk: true);
    }
}
