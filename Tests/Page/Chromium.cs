using Microsoft.Playwright;

namespace HiveMind.Tests.Page;

/// <summary>One headless Chromium of the system's for all tests of a class; where there is none, they are skipped.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private static readonly string[] Places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    private static readonly string[] Quiet =
    [
        "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-quic", "--disable-component-update", "--disable-sync",
    ];

    private static readonly string? Program = Array.Find(Places, File.Exists);
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (Program is null) return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Program, Args = Quiet, Headless = true });
    }

    /// <summary>A visitor who has never been here.</summary>
    internal async Task<BrowserVisit> Visit(string address, int width = 1280, int height = 900, ColorScheme scheme = ColorScheme.Light, bool scripts = true)
    {
        Assert.SkipUnless(_browser is not null, "no Chromium is installed (Debian: apt-get install chromium)");
        var context = await _browser!.NewContextAsync(new()
        {
            BaseURL = address, ViewportSize = new() { Width = width, Height = height }, ColorScheme = scheme, JavaScriptEnabled = scripts,
        });
        context.SetDefaultTimeout(30_000);
        return new BrowserVisit(context, await context.NewPageAsync(), address);
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
    }
}

/// <summary>A page as one visitor has it open, with all that went wrong or elsewhere.</summary>
internal sealed class BrowserVisit : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly List<string> _complaints = [];

    public BrowserVisit(IBrowserContext context, IPage page, string address)
    {
        (_context, Page) = (context, page);
        page.Console += (_, said) => Note(said.Type is "error" or "warning" ? $"console: {said.Text}" : null);
        page.PageError += (_, error) => Note($"error: {error}");
        page.Request += (_, request) => Note(request.Url.StartsWith(address, StringComparison.Ordinal) ? null : $"elsewhere: {request.Url}");
        page.WebSocket += (_, socket) => Note(socket.Url.StartsWith("ws" + address["http".Length..], StringComparison.Ordinal) ? null : $"elsewhere: {socket.Url}");
        page.Response += (_, response) => Note(response.Status < 400 ? null : $"{response.Status} of {response.Url}");
    }

    public IPage Page { get; }

    /// <summary>Console errors, failed requests, requests to another origin.</summary>
    public IReadOnlyList<string> Complaints
    {
        get { lock (_complaints) return [.. _complaints]; }
    }

    public ILocator Part(string name) => Page.Locator($"[data-test={name}]");

    /// <summary>Loads the page and waits until it is live.</summary>
    public async Task Open(string path = "/")
    {
        await Page.GotoAsync(path);
        if (path == "/") await Part("live").WaitForAsync();
    }

    public async Task LogIn(string name, string password = "correct horse battery")
    {
        await Page.GotoAsync("/login");
        await Page.GetByLabel("User name").FillAsync(name);
        await Page.GetByLabel("Password").FillAsync(password);
        await Part("submit").ClickAsync();
    }

    /// <summary>Waits for a text of that part to satisfy.</summary>
    public async Task Until(string part, Func<string, bool> satisfied)
    {
        var last = "";
        await Processes.Wait.Until(async () => satisfied(last = string.Join('\n', await Part(part).AllInnerTextsAsync())), TimeSpan.FromSeconds(45), () => $"{part} says '{last}'");
    }

    public async Task<string?> SessionCookie() => (await _context.CookiesAsync()).FirstOrDefault(cookie => cookie.Name == "hivemind_session")?.Value;

    public Task<IReadOnlyList<BrowserContextCookiesResult>> Cookies() => _context.CookiesAsync();

    /// <summary>Wider than the screen: something has to be scrolled sideways.</summary>
    public Task<bool> Overflows() => Page.EvaluateAsync<bool>("document.documentElement.scrollWidth > document.documentElement.clientWidth");

    public async ValueTask DisposeAsync() => await _context.DisposeAsync();

    private void Note(string? complaint)
    {
        if (complaint is null) return;
        lock (_complaints) _complaints.Add(complaint);
    }
}
