using System.Globalization;

namespace HiveMind.Scheduling;

/// <summary>How names and values of labels are written. Pure.</summary>
public static class LabelText
{
    public const int MaxKey = 63;
    /// <summary>Of a label that an owner sets.</summary>
    public const int MaxValue = 63;
    /// <summary>Of a value in an expression: labels that follow from a machine, as the model of its GPU, are longer than what owners may set.</summary>
    public const int MaxCompared = 128;

    /// <summary>What the hub says of a node; an owner cannot set these prefixes.</summary>
    public const string GpuModel = "gpu.model", GpuMemory = "gpu.memory_mb", GpuCount = "gpu.count", NodeId = "node.id", NodeOwner = "node.owner",
        MachineSandboxed = "machine.sandboxed", MachineCores = "machine.cpu_cores", MachineMemory = "machine.memory_mb",
        MachineInputFiles = "machine.standard_input_files";

    private static readonly string[] HubsPrefixes = ["gpu.", "node.", "machine."];

    public static bool IsHubs(string key) => HubsPrefixes.Any(prefix => key.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>What needs no quotes.</summary>
    public static bool IsBare(char c) => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '/' or '-';

    public static bool IsKey(string text) => text is { Length: >= 1 and <= MaxKey } && text.All(IsBare);

    /// <summary>A value that an owner may set; it may be empty.</summary>
    public static bool IsValue(string text) => text.Length <= MaxValue && text.All(IsBare);

    /// <summary>As an expression says it: bare where that is possible.</summary>
    public static string Written(string value) => value.Length > 0 && value.All(IsBare) ? value : Quoted(value);

    public static string Quoted(string value) => $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    /// <summary>Plain decimal numbers, `-3` or `1.5`; no exponents, so that a version or a hash is not taken for one.</summary>
    public static bool TryNumber(string text, out decimal number) =>
        decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number);

    /// <summary>One text for equal numbers: 1.50 and 1.5 are the same requirement.</summary>
    public static string Written(decimal number) => number == 0 ? "0" : (number / 1.0000000000000000000000000000m).ToString(CultureInfo.InvariantCulture);
}
