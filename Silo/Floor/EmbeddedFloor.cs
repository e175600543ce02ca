using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Garnet;
using Garnet.server;
using Garnet.server.Auth.Settings;
using StackExchange.Redis;
using Tsavorite.core;

namespace HiveMind.Storage;

/// <summary>
/// Microsoft.Garnet inside this process: loopback only, behind a password that lives as long as the process. It commits when asked
/// (see <see cref="FloorCommit"/>) and, for what nobody waits for, on a timer.
/// </summary>
internal sealed partial class EmbeddedFloor : IAsyncDisposable
{
    private readonly GarnetServer server;
    private readonly CheckpointLeftovers leftovers;
    private readonly CancellationTokenSource stopping = new();
    private readonly ILogger log;
    private readonly TimeProvider time;
    private Task background = Task.CompletedTask;

    private EmbeddedFloor(GarnetServer server, IPEndPoint endPoint, string password, string directory, ILogger log, TimeProvider time)
    {
        this.server = server;
        this.log = log;
        this.time = time;
        leftovers = new CheckpointLeftovers(Path.Combine(directory, "Store", "checkpoints"));
        Commit = new FloorCommit(CommitOnce, TimeSpan.FromSeconds(30));
        Client = new ConfigurationOptions { EndPoints = { endPoint }, Password = password };
    }

    /// <summary>How often a recovery that fails is begun, before the floor is refused.</summary>
    private const int RecoveryTries = 3;

    public FloorCommit Commit { get; }

    public ConfigurationOptions Client { get; }

    /// <summary>Recovers what the directory holds and listens; StartRefused when it cannot be recovered.</summary>
    public static EmbeddedFloor Start(FloorOptions options, ILoggerFactory logs, TimeProvider time)
    {
        Directory.CreateDirectory(options.Directory);
        var log = logs.CreateLogger<EmbeddedFloor>();
        var password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        for (var tries = 1; ; tries++)
        {
            // Another process may take the port between the look and the listening.
            var endPoint = new IPEndPoint(IPAddress.Loopback, FreePort());
            GarnetServer? server = null;
            try
            {
                server = new GarnetServer(Settings(options, endPoint, password), new WarningsOnly(logs));
                server.Start();
                var floor = new EmbeddedFloor(server, endPoint, password, options.Directory, log, time);
                floor.background = floor.CommitInBackground(options.CommitInterval);
                return floor;
            }
            catch (SocketException) when (tries < 5)
            {
                server?.Dispose();
            }
            catch (Exception e) when (e is not SocketException && tries < RecoveryTries)
            {
                // Seen once in more than a hundred kills, on a loaded machine: a NullReferenceException inside the engine (ADR 1). Whether
                // that floor was whole is not known; one that comes back with less than was acknowledged is refused by StoreMatch.
                LogRecoveryFailed(log, e, options.Directory, tries);
                server?.Dispose();
            }
            catch (Exception e) when (e is not SocketException)
            {
                server?.Dispose();
                throw new StartRefusedException(
                    $"The floor in {options.Directory} cannot be recovered ({e.GetType().Name}: {e.Message}); nothing in it was changed by hand?");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await background;
        await CommitQuietly();
        server.Dispose();
        stopping.Dispose();
    }

    // What was measured with these: docs/adr/0001-embedded-floor.md.
    private static GarnetServerOptions Settings(FloorOptions options, IPEndPoint endPoint, string password) => new()
    {
        EndPoints = [endPoint],
        AuthSettings = new PasswordAuthenticationSettings(password),
        QuietMode = true,
        MaxDatabases = 1,
        DisablePubSub = false,
        EnableLua = true,
        LuaTransactionMode = true,
        LuaOptions = new LuaOptions(LuaMemoryManagementMode.Native, "", Timeout.InfiniteTimeSpan, LuaLoggingMode.Silent, []),
        EnableAOF = true,
        WaitForCommit = false,
        CommitFrequencyMs = -1,
        AofMemorySize = "64m",
        AofPageSize = "8m",
        AofSegmentSize = "64m",
        AofSizeLimit = options.AofSizeLimit,
        AofSizeLimitEnforceFrequencySecs = options.AofSizeCheckSeconds,
        Recover = true,
        FailOnRecoveryError = true,
        EnableStorageTier = true,
        LogDir = options.Directory,
        CheckpointDir = options.Directory,
        // The native device needs libaio and ends the whole process where it is missing.
        DeviceType = DeviceType.RandomAccess,
        LogMemorySize = options.LogMemorySize,
        PageSize = "4m",
        SegmentSize = "64m",
        IndexMemorySize = "16m",
        // Shift would drop live records; Lookup copies them and leaves the deleting of files to the next checkpoint.
        CompactionType = LogCompactionType.Lookup,
        CompactionMaxSegments = 2,
        CompactionForceDelete = false,
    };

    private async Task CommitOnce(CancellationToken cancel)
    {
        if (!await server.Store.CommitAOFAsync(cancel))
        {
            throw new InvalidOperationException("the commit was ignored");
        }
    }

    private async Task CommitInBackground(TimeSpan interval)
    {
        using var timer = new PeriodicTimer(interval, time);
        var sinceSweep = TimeSpan.Zero;
        try
        {
            while (await timer.WaitForNextTickAsync(stopping.Token))
            {
                await CommitQuietly();
                sinceSweep += interval;
                if (sinceSweep >= TimeSpan.FromMinutes(1))
                {
                    sinceSweep = TimeSpan.Zero;
                    leftovers.Remove();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping: the last commit is DisposeAsync's.
        }
    }

    private async Task CommitQuietly()
    {
        try
        {
            await Commit.CommitAsync();
        }
        catch (HiveMindException e)
        {
            LogCommitFailed(log, e);
        }
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The floor in {Directory} was not recovered (try {Try}); trying again")]
    private static partial void LogRecoveryFailed(ILogger logger, Exception cause, string directory, int @try);

    [LoggerMessage(Level = LogLevel.Error, Message = "The embedded floor could not commit: writes are refused until it can. Is the disk full?")]
    private static partial void LogCommitFailed(ILogger logger, Exception cause);

    /// <summary>Garnet tells its life at Information; what an operator needs begins at Warning.</summary>
    private sealed class WarningsOnly(ILoggerFactory inner) : ILoggerFactory
    {
        public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

        public ILogger CreateLogger(string categoryName) => new Filtered(inner.CreateLogger($"Garnet.{categoryName}"));

        public void Dispose()
        {
            // The factory is the silo's.
        }

        private sealed class Filtered(ILogger inner) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state) where TState : notnull => inner.BeginScope(state);

            public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning && inner.IsEnabled(logLevel);

            public void Log<TState>(
                LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                if (IsEnabled(logLevel))
                {
                    inner.Log(logLevel, eventId, state, exception, formatter);
                }
            }
        }
    }
}
