using HiveMind.Hosting;
using HiveMind.Storage;
using Microsoft.Data.Sqlite;
using StackExchange.Redis;

namespace HiveMind.Tests.Hosting;

public sealed class LastWordsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("hivemind-words-").FullName;

    public static TheoryData<int, Exception> Ends => new()
    {
        { 78, new StartRefusedException(["one", "two"]) },
        { 78, new StoreRefusedException("These are no database.") },
        { 75, new StoreAwayException("Redis: it is still loading its data.") },
        { 75, new StoreRefusedException("The database cannot be opened.", new SqliteException("database is locked", 5)) },
        { 75, new SqliteException("database or disk is full", 13) },
        { 75, HiveMindException.Unavailable("FLOOR_UNAVAILABLE", "The state store did not answer.") },
        { 75, new AggregateException(new RedisTimeoutException("late", CommandStatus.WaitingToBeSent)) },
        { 75, new IOException("No space left on device", 28) },
        { 75, new IOException("Disk quota exceeded", OperatingSystem.IsLinux() ? 122 : 69) },
        { 75, new StoreRefusedException("The database cannot be opened.", new SqliteException("disk I/O error", 10)) },
        { 70, new InvalidOperationException("nobody\nthought of it") },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public void Of_WhateverEndsIt_OneLineEachAndItsCode(int code, Exception error)
    {
        var (actual, lines) = LastWords.Of(error);

        Assert.Equal(code, actual);
        Assert.NotEmpty(lines);
        Assert.All(lines, line => Assert.DoesNotContain('\n', line));
    }

    [Fact]
    public void Say_SomethingUnexpected_KeepsTheDetailsForItsOwnerOnly()
    {
        Assert.Equal(SiloHost.Unexpected, LastWords.Say(new InvalidOperationException("nobody thought of it"), _directory));

        var file = Path.Combine(_directory, LastWords.DetailsFile);
        Assert.Contains("InvalidOperationException: nobody thought of it", File.ReadAllText(file), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
