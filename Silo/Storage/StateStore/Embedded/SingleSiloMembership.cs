using System.Globalization;

namespace HiveMind.Storage;

/// <summary>
/// The membership of a silo that is alone, which an embedded state store's always is: in memory, so that no entry of an earlier process stands in
/// anybody's way after a crash.
/// </summary>
internal sealed class SingleSiloMembership : IMembershipTable
{
    private readonly Lock gate = new();
    private readonly Dictionary<SiloAddress, (MembershipEntry Entry, string ETag)> rows = [];
    private TableVersion version = new(0, "0");

    public Task InitializeMembershipTable(bool tryInitTableVersion) => Task.CompletedTask;

    public Task DeleteMembershipTableEntries(string clusterId) => Change(() =>
    {
        rows.Clear();
        return true;
    });

    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => Task.CompletedTask;

    public Task<MembershipTableData> ReadRow(SiloAddress key)
    {
        lock (gate)
            return Task.FromResult(rows.TryGetValue(key, out var row) ? new MembershipTableData(Copy(row), version) : new MembershipTableData(version));
    }

    public Task<MembershipTableData> ReadAll()
    {
        lock (gate) return Task.FromResult(new MembershipTableData([.. rows.Values.Select(Copy)], version));
    }

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => Change(() =>
        tableVersion.Version == version.Version + 1 && rows.TryAdd(entry.SiloAddress, (entry, "0")) && Move(tableVersion));

    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) => Change(() =>
    {
        if (tableVersion.Version != version.Version + 1 || !rows.TryGetValue(entry.SiloAddress, out var row) || row.ETag != etag) return false;
        rows[entry.SiloAddress] = (entry, (long.Parse(etag, CultureInfo.InvariantCulture) + 1).ToString(CultureInfo.InvariantCulture));
        return Move(tableVersion);
    });

    public Task UpdateIAmAlive(MembershipEntry entry) => Change(() =>
    {
        if (rows.TryGetValue(entry.SiloAddress, out var row)) row.Entry.IAmAliveTime = entry.IAmAliveTime;
        return true;
    });

    private Task<bool> Change(Func<bool> change)
    {
        lock (gate) return Task.FromResult(change());
    }

    private bool Move(TableVersion next)
    {
        version = new(next.Version, next.Version.ToString(CultureInfo.InvariantCulture));
        return true;
    }

    // Readers change what they are given.
    private static Tuple<MembershipEntry, string> Copy((MembershipEntry Entry, string ETag) row) => new(new MembershipEntry
    {
        SiloAddress = row.Entry.SiloAddress, Status = row.Entry.Status, SuspectTimes = row.Entry.SuspectTimes is { } times ? [.. times] : null,
        ProxyPort = row.Entry.ProxyPort, HostName = row.Entry.HostName, SiloName = row.Entry.SiloName, RoleName = row.Entry.RoleName,
        UpdateZone = row.Entry.UpdateZone, FaultZone = row.Entry.FaultZone, StartTime = row.Entry.StartTime, IAmAliveTime = row.Entry.IAmAliveTime,
    }, row.ETag);
}
