using System.Globalization;

namespace HiveMind.Cli;

/// <summary>Sizes as people write them: 512M, 2G, 1.5GiB; a bare number means megabytes.</summary>
internal static class SizeText
{
    public static long Megabytes(string text)
    {
        var trimmed = text.Trim().ToUpperInvariant();
        var digits = trimmed.TrimEnd('B', 'I', 'K', 'M', 'G', 'T');
        var factor = trimmed[digits.Length..] switch
        {
            "" or "M" or "MB" or "MIB" => 1m,
            "K" or "KB" or "KIB" => 1m / 1024,
            "G" or "GB" or "GIB" => 1024m,
            "T" or "TB" or "TIB" => 1024m * 1024,
            _ => 0m,
        };
        var isNumber = decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number);
        if (factor == 0 || !isNumber || number <= 0 || number > 1_000_000_000)
        {
            throw CliException.Usage($"'{text}' is no size: write it like 512M or 2G.");
        }

        return Math.Max(1, (long)Math.Ceiling(number * factor));
    }
}
