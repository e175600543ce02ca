using HiveMind.Web.Components;
using HiveMind.Web.Edge;
using HiveMind.Web.Figures;
using HiveMind.Tasks;
using HiveMind.Web.Mine;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.Extensions.DependencyInjection;

namespace HiveMind.Web;

/// <summary>Wires the page at `/` into the silo's process. It needs IGrainFactory, IPoolDatabase, IActivity, IUnfinishedIndex, ILogins, INodeDirectory and IOwnTasks.</summary>
public static class PageHosting
{
    public static IServiceCollection AddPage(this IServiceCollection services, PageOptions options)
    {
        services.AddSingleton(options).AddSingleton<LiveVisitors>().AddSingleton<PoolSampler>().AddSingleton<PersonalView>();
        services.AddHostedService(s => s.GetRequiredService<PoolSampler>());
        services.AddRazorComponents().AddInteractiveServerComponents(circuits =>
        {
            // A page that lost its connection comes back within seconds or is loaded anew: little is kept for it.
            circuits.DisconnectedCircuitMaxRetained = 20;
            circuits.DisconnectedCircuitRetentionPeriod = TimeSpan.FromSeconds(30);
        });
        services.AddCascadingAuthenticationState();
        services.AddHttpContextAccessor();
        // What is protected by these keys is a form that is open right now: they die with the process and are stored nowhere.
        services.AddDataProtection().UseEphemeralDataProtectionProvider();
        services.AddAntiforgery(forgery =>
        {
            forgery.Cookie.Name = options.IsHttps ? PageCookies.HostOnly + PageCookies.Forgery : PageCookies.Forgery;
            forgery.Cookie.Path = "/";
            forgery.Cookie.HttpOnly = true;
            forgery.Cookie.SameSite = SameSiteMode.Strict;
            forgery.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
            forgery.SuppressXFrameOptionsHeader = true; // PageGuard says DENY
        });
        // Only files out of the build are compressed, never what holds a secret beside something a visitor chose.
        services.AddResponseCompression(compression => compression.EnableForHttps = true);
        return services;
    }

    public static WebApplication MapPage(this WebApplication app)
    {
        app.UseWhen(http => EmbeddedAssets.Holds(http.Request.Path), assets => assets.UseMiddleware<PageGuard>().UseResponseCompression().UseEmbeddedAssets());
        app.UseWhen(IsPage, page => page.UseMiddleware<PageGuard>().UseMiddleware<VisitorMiddleware>().UseMiddleware<LiveGuard>());
        app.UseAntiforgery();
        app.MapForms();
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode(server =>
        {
            server.DisableWebSocketCompression = true;
            server.ContentSecurityFrameAncestorsPolicy = null; // PageGuard says it, for every answer
        });
        return app;
    }

    /// <summary>What a browser asks for here; gRPC and health checks go past untouched.</summary>
    private static bool IsPage(HttpContext http) =>
        http.Request.Path.Value is "/" or "/login" or Forms.LogIn or Forms.LogOut or Forms.Theme || http.Request.Path.StartsWithSegments("/_blazor");
}
