using System.Collections;
using System.Globalization;
using System.Reflection;
using HiveMind.Hosting;
using HiveMind.Storage;
using Microsoft.Extensions.Configuration;

namespace HiveMind.Configuration;

/// <summary>Reads the configuration: the seed's environment names as aliases, unknown settings and unreadable values as problems.</summary>
public static class SiloConfiguration
{
    /// <summary>The seed's names and what they mean here.</summary>
    public static IEnumerable<KeyValuePair<string, string?>> Aliases(Func<string, string?> environment)
    {
        string Key(string setting) => $"{PoolOptions.Section}:{setting}";
        if ((environment("DATABASE_PATH") ?? environment("DB_PATH")) is { Length: > 0 } database)
            yield return new(Key("Books:ConnectionString"), $"Data Source={Path.GetFullPath(database)}");
        if (environment("TASK_STORAGE_PATH") is { Length: > 0 } files) yield return new(Key("Files:Directory"), Path.GetFullPath(files));
        if (environment("OTEL_EXPORTER_OTLP_ENDPOINT") is { Length: > 0 } otlp) yield return new(Key("Telemetry:OtlpEndpoint"), otlp);
        if (environment("REDIS_HOST") is { Length: > 0 } host)
        {
            var db = environment("REDIS_DB") is { Length: > 0 } number ? $",defaultDatabase={number}" : "";
            yield return new(Key("Redis:ConnectionString"), $"{host}:{environment("REDIS_PORT") ?? "6379"}{db}");
        }
    }

    /// <summary>`--lan`, the short way to say Grpc:Lan.</summary>
    public const string LanFlag = "--lan";

    /// <summary>The command line as configuration: flags that have no value become settings that have one.</summary>
    public static string[] Arguments(IEnumerable<string> words) =>
        [.. words.Where(word => word is not (StoreMatch.AcceptFlag or StoreMatch.AcceptDatabaseFlag or StoreMatch.AcceptOlderDatabaseFlag)).Select(word => word == LanFlag ? $"--{PoolOptions.Section}:Grpc:Lan=true" : word)];

    /// <summary>The options, or what is wrong with them.</summary>
    public static (PoolOptions Options, IReadOnlyList<string> Problems) Read(IConfiguration configuration, Func<string, string?> environment)
    {
        var section = configuration.GetSection(PoolOptions.Section);
        var unknown = section.AsEnumerable(true).Where(pair => pair.Value is not null && !IsKnown(typeof(PoolOptions), pair.Key.Split(':')))
            .Select(pair => $"{PoolOptions.Section}:{pair.Key} is no setting of HiveMind; docs/configuration.md lists them.").ToList();
        var options = new PoolOptions();
        try
        {
            // Strictly, else a value in a named section that cannot be read is passed over; unknown names have their own lines already.
            section.Bind(options, binder => binder.ErrorOnUnknownConfiguration = unknown.Count == 0);
        }
        catch (InvalidOperationException error)
        {
            return (options, [.. unknown, Innermost(error).Message]);
        }

        if (options.Grpc.Lan && section["Grpc:Host"] is null) options.Grpc.Host = HubAddresses.Any.ToString();
        if (options.DataDirectory.Length == 0) options.DataDirectory = DefaultDataDirectory(environment);
        return (options, [.. unknown, .. PoolOptionsValidator.Problems(options)]);
    }

    /// <summary>The one that names the setting: those around it say that binding failed.</summary>
    private static InvalidOperationException Innermost(InvalidOperationException error) =>
        error.InnerException is InvalidOperationException inner ? Innermost(inner) : error;

    public static string DefaultDataDirectory(Func<string, string?> environment)
    {
        var data = environment("XDG_DATA_HOME") is { Length: > 0 } xdg ? xdg
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "share");
        return Path.Combine(data, "hivemind");
    }

    private static bool IsKnown(Type type, ReadOnlySpan<string> path)
    {
        if (path.Length == 0) return true;
        if (type.IsAssignableTo(typeof(IDictionary))) return IsKnown(type.GetGenericArguments()[1], path[1..]);
        if (type.IsAssignableTo(typeof(IList))) return int.TryParse(path[0], CultureInfo.InvariantCulture, out _) && path.Length == 1;
        if (Type.GetTypeCode(type) != TypeCode.Object || Nullable.GetUnderlyingType(type) is not null) return false;
        var property = type.GetProperty(path[0], BindingFlags.IgnoreCase | BindingFlags.Public | BindingFlags.Instance);
        return property is { CanWrite: true } && IsKnown(property.PropertyType, path[1..]);
    }
}
