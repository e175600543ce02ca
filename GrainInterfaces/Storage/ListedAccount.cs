using HiveMind.Users;

namespace HiveMind.Storage;

public sealed record ListedAccount(AccountRow Account, long BalanceMicros);
