using HiveMind.Users;

namespace HiveMind.Storage;

public sealed record KnownAccount(AccountRow? Account, bool KnowsNetwork);
