using HiveMind.Edge;

namespace HiveMind.Tasks;

/// <summary>
/// The variables that a submitter gives a program. What the loader, a shell or an interpreter reads before the program begins is refused: it would act on
/// the worker's own helpers, outside the program. So is what the pool itself says there. Pure.
/// </summary>
internal static class TaskEnvironment
{
    public const int Most = 256, MaxName = 128, MaxBytes = 64 * 1024;

    private static readonly string[] Prefixes = ["LD_", "DYLD_", "HIVEMIND_", "BASH_FUNC_", "CUDA_VISIBLE_", "NVIDIA_VISIBLE_", "ROCR_VISIBLE_", "HIP_VISIBLE_"];
    private static readonly HashSet<string> Names = new(
        "GCONV_PATH GLIBC_TUNABLES LOCPATH NLSPATH GETCONF_DIR HOSTALIASES RESOLV_HOST_CONF RES_OPTIONS MALLOC_TRACE PYTHONHOME PYTHONPLATLIBDIR PYTHONEXECUTABLE BASH_ENV SHELLOPTS BASHOPTS"
            .Split(' '), StringComparer.Ordinal);

    public static void Check(IEnumerable<KeyValuePair<string, string>> asked, FieldProblems problems)
    {
        var (count, bytes) = (0, 0L);
        foreach (var (name, value) in asked)
        {
            count++;
            bytes += Text.Bytes(name) + Text.Bytes(value) + 2;
            if (!IsName(name)) problems.Require(false, "environment", $"'{Text.Shown(name)}': a name is [A-Za-z_][A-Za-z0-9_]*, up to {MaxName} characters.");
            else if (IsReserved(name)) problems.Require(false, "environment", $"'{Text.Shown(name)}' is not yours to set: it would act outside the program, or is the pool's.");
            else if (value.Contains('\0')) problems.Require(false, "environment", $"'{Text.Shown(name)}': no NUL characters.");
            if (count > Most) break;
        }

        problems.Require(count <= Most, "environment", $"Up to {Most} variables.");
        problems.Require(bytes <= MaxBytes, "environment", "Up to 64 KiB together.");
    }

    public static bool IsReserved(string name) => Names.Contains(name) || Prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>In one order, so that saying the same otherwise is the same content.</summary>
    public static IReadOnlyList<string> Of(IEnumerable<KeyValuePair<string, string>> asked) =>
        [.. asked.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => $"{one.Key}={one.Value}")];

    public static Dictionary<string, string> ToMap(IReadOnlyList<string> stored) =>
        stored.Select(one => one.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);

    private static bool IsName(string name) => name is { Length: > 0 and <= MaxName } && (char.IsAsciiLetter(name[0]) || name[0] == '_')
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');
}
