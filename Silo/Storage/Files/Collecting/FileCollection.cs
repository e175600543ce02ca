using HiveMind.Configuration;

namespace HiveMind.Storage;

/// <summary>Runs the collector every now and then, on one silo at a time of those that share the directory.</summary>
internal sealed partial class FileCollection(
    DirectoryFiles files, FileCollector collector, FilesOptions options, TimeProvider time, ILogger<FileCollection> logger) : BackgroundService
{
    /// <summary>A silo that is restarted often still collects.</summary>
    private static readonly TimeSpan LongestFirst = TimeSpan.FromMinutes(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var pause = options.CollectEvery < LongestFirst ? options.CollectEvery : LongestFirst; ; pause = options.CollectEvery)
        {
            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested) return;
            await Collect(stoppingToken);
        }
    }

    private async Task Collect(CancellationToken cancel)
    {
        try
        {
            using var alone = files.Locks.TryTakeAlone("collector");
            if (alone is null) return; // another silo is at it
            var collected = await collector.Run(cancel);
            if (!collected.IsNothing) LogCollected(collected.Orphans, collected.Expired, collected.Partials, collected.Bytes);
        }
        catch (Exception) when (cancel.IsCancellationRequested)
        {
        }
        catch (Exception error)
        {
            LogFailed(error); // nothing was removed wrongly: the next pass begins anew
        }
    }

    [LoggerMessage(LogLevel.Information, "Files collected: {Orphans} that no task names, {Expired} outputs past their time, {Partials} abandoned pieces; {Bytes} bytes")]
    private partial void LogCollected(int orphans, int expired, int partials, long bytes);

    [LoggerMessage(LogLevel.Warning, "The files were not collected this time; the next pass begins anew")]
    private partial void LogFailed(Exception error);
}

internal static class FileCollectionServices
{
    /// <summary>After Orleans: it asks grains.</summary>
    public static IServiceCollection AddFileCollection(this IServiceCollection services, FilesOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton(new CollectLimits(options.OrphansAfter, options.RetainResultsFor, options.RetainPartialsFor, options.MaxBytes));
        services.AddSingleton<IFileReferences, HubFileReferences>();
        services.AddSingleton<FileCollector>();
        services.AddHostedService<FileCollection>();
        return services;
    }
}
