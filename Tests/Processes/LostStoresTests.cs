using Grpc.Core;
using HiveMind.Storage;

namespace HiveMind.Tests.Processes;

/// <summary>Stores that are taken away under a running hub: it says so and ends, and its restart says what can be done.</summary>
public sealed class LostStoresTests
{
    [Theory]
    [InlineData("books.db", "books.db was deleted")]
    [InlineData("books.db-wal", "books.db-wal was deleted")]
    [InlineData("files", "files was moved away")]
    public async Task Running_StoreIsTakenAway_EndsWithinSecondsAndSaysIt(string store, string says)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "files are told apart on Linux only");
        using var pool = await new PoolProcess().Start();
        await pool.NewUser("somebody");
        var path = Path.Combine(pool.DataDirectory, store);
        if (Directory.Exists(path)) Directory.Move(path, path + ".aside");
        else File.Delete(path);

        Assert.Equal(FailStop.ExitCode, await pool.Exited(TimeSpan.FromSeconds(15)));

        Assert.Contains(says, pool.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DatabaseOfAnOlderMoment_AreRefusedUnlessTheLossIsAccepted()
    {
        using var pool = await new PoolProcess().Start();
        await pool.NewUser("early");
        await Stop(pool);
        var database = Path.Combine(pool.DataDirectory, "books.db");
        File.Copy(database, database + ".copy");
        await pool.Start();
        await pool.NewUser("late");
        await Stop(pool);
        File.Copy(database + ".copy", database, overwrite: true);

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => pool.Start());
        Assert.Contains($"ended with {SiloHost.BadConfiguration}", refused.Message, StringComparison.Ordinal);
        Assert.Contains("The database is of an older moment than the state store", refused.Message, StringComparison.Ordinal);

        using (var accepting = await new PoolProcess($"DataDirectory={pool.DataDirectory}") { Flags = ["--accept-older-books"] }.Start())
        {
            await accepting.NewUser("late");
            await Stop(accepting);
        }

        await pool.Start();
        await pool.LogIn("early");
    }

    private static async Task Stop(PoolProcess pool)
    {
        pool.Terminate();
        Assert.Equal(0, await pool.Exited(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public async Task DatabaseDeleted_NothingIsAcknowledgedAnyMore_AndTheRestartNamesTheWaysOut()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "files are told apart on Linux only");
        using var pool = await new PoolProcess().Start();
        await pool.NewUser("before");
        foreach (var file in Directory.EnumerateFiles(pool.DataDirectory, "books.db*")) File.Delete(file);

        var failed = await Assert.ThrowsAsync<RpcException>(() => pool.NewUser("after"));

        Assert.Equal(StatusCode.Unavailable, failed.StatusCode);
        Assert.Equal(FailStop.ExitCode, await pool.Exited(TimeSpan.FromSeconds(15)));
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => pool.Start());
        Assert.Contains($"ended with {SiloHost.BadConfiguration}", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Restore the database from a backup, or start with --accept-lost-books", refused.Message, StringComparison.Ordinal);

        using var anew = await new PoolProcess($"DataDirectory={pool.DataDirectory}") { Flags = ["--accept-lost-books"] }.Start();
        await anew.NewUser("before"); // the name is free: a new pool
        Assert.True(Directory.Exists(Path.Combine(pool.DataDirectory, "floor.without-books-1")));
    }
}
