using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.FileProviders;

namespace HiveMind.Web.Edge;

/// <summary>
/// Style, scripts and pictures out of this assembly, so that they are there however the program was started or published. An address
/// with the content's fingerprint may be kept for ever, one without is asked about again.
/// </summary>
internal static class EmbeddedAssets
{
    private const string Root = "HiveMind.Web.";
    private static readonly ConcurrentDictionary<string, string> Versions = [];
    private static readonly (string Path, string Folder)[] Places =
        [("/assets", "Assets"), ("/_framework", "Framework"), ("/_content/Microsoft.AspNetCore.Components.QuickGrid", "QuickGrid")];

    public static bool Holds(PathString path) => Array.Exists(Places, place => path.StartsWithSegments(place.Path));

    public static void UseEmbeddedAssets(this IApplicationBuilder app)
    {
        foreach (var (path, folder) in Places)
        {
            app.UseStaticFiles(new StaticFileOptions
            {
                RequestPath = path,
                FileProvider = new EmbeddedFileProvider(typeof(EmbeddedAssets).Assembly, Root + folder),
                OnPrepareResponse = sent => sent.Context.Response.Headers.CacheControl =
                    sent.Context.Request.Query.ContainsKey("v") ? "public, max-age=31536000, immutable" : "no-cache",
            });
        }
    }

    /// <summary>The address of a file of `Assets`, with its fingerprint.</summary>
    public static string Url(string file) => $"assets/{file}?v={Version("Assets", file)}";

    /// <summary>The framework's script, with its fingerprint.</summary>
    public static string FrameworkUrl(string file) => $"_framework/{file}?v={Version("Framework", file)}";

    private static string Version(string folder, string file) => Versions.GetOrAdd($"{Root}{folder}.{file}", name =>
    {
        using var stream = typeof(EmbeddedAssets).Assembly.GetManifestResourceStream(name) ?? throw new FileNotFoundException($"{name} is not in this build.");
        return Convert.ToHexStringLower(SHA256.HashData(stream).AsSpan(0, 6));
    });
}
