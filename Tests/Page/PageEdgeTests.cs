using System.Net;
using HiveMind.Nodes;
using HiveMind.Users;
using HiveMind.Web;
using HiveMind.Web.Edge;
using Microsoft.AspNetCore.Http;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Page;

/// <summary>What the page's port answers, without a browser.</summary>
public sealed class PageEdgeTests
{
    private const string Session = "hivemind_session=secret";

    [Theory]
    [InlineData("/")]
    [InlineData("/login")]
    [InlineData("/assets/site.css")]
    [InlineData("/_framework/blazor.web.js")]
    [InlineData("/_content/Microsoft.AspNetCore.Components.QuickGrid/QuickGrid.razor.js")]
    public async Task Get_EveryAnswer_LetsNothingInFromElsewhere(string path)
    {
        await using var page = TestPage.Start();

        var answer = await page.Get(path);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'none'; script-src 'self'; style-src 'self';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Equal(("nosniff", "DENY"), (answer.Headers.GetValues("X-Content-Type-Options").Single(), answer.Headers.GetValues("X-Frame-Options").Single()));
        var body = await answer.Content.ReadAsStringAsync();
        if (path is "/" or "/login") Assert.DoesNotContain(" style=", body, StringComparison.Ordinal);
        if (path is "/" or "/login") Assert.True(answer.Headers.CacheControl!.NoStore);
    }

    [Fact]
    public async Task Home_StrangerAndOwner_SeeWhatIsTheirs()
    {
        await using var page = TestPage.Start();

        await Wait.Until(async () => (await Body(page)).Contains("data-test=\"waiting\">3<", StringComparison.Ordinal), TimeSpan.FromSeconds(20), () => "no figures");
        var stranger = await Body(page);
        var owner = await Body(page, Session);

        foreach (var personal in new[] { "alice", "node-1", "host-1", "task-1" }) Assert.DoesNotContain(personal, stranger, StringComparison.Ordinal);
        foreach (var own in new[] { "alice", "node-1", "task-1", "5.00" }) Assert.Contains(own, owner, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", owner, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\u001b]0;PWNED\u0007")]
    [InlineData("\u009b2J")]
    [InlineData("a\u202eb\u2066c")]
    [InlineData("a\u200bb\ufeffc")]
    [InlineData("a\u2028b\u3164c")]
    [InlineData("a\U000E0041b")]
    [InlineData("<script>\u202e</script>\"' onmouseover=\u200dx")]
    public async Task Home_WordsThatOthersChose_ReachNobodyHidden(string hostile)
    {
        await using var page = TestPage.Start();
        page.Alice = page.Alice with { Username = $"user {hostile}" };
        page.Node = Filled(page.Node, hostile) with { Status = "online", OwnerId = "u-mallory" };
        page.Task1 = Filled(page.Task1, hostile);

        var body = await Body(page, Session);

        var seen = WebUtility.HtmlDecode(body); // as the browser has it: an entity hides nothing
        Assert.Contains(PlainText.Visible($"NodeId {hostile}"), seen, StringComparison.Ordinal);
        Assert.Contains(PlainText.Visible($"Why {hostile}"), seen, StringComparison.Ordinal);
        Assert.Contains(PlainText.Visible($"user {hostile}"), seen, StringComparison.Ordinal);
        foreach (var line in seen.Split(['\n', '\r', '\t'])) Assert.True(PlainText.IsPlain(line), PlainText.Visible(line));
        Assert.DoesNotContain("<script>", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Home_CordonOfAStranger_IsSaidWithoutItsWords()
    {
        await using var page = TestPage.Start();
        page.Node = page.Node with { Cordoned = "visit evil.example" };
        Assert.Contains("visit evil.example", await Body(page, Session), StringComparison.Ordinal); // one's own

        page.Node = page.Node with { OwnerId = "u-mallory" };
        var stranger = await Body(page, Session);
        Assert.DoesNotContain("evil.example", stranger, StringComparison.Ordinal);
        Assert.Contains(NodeSnapshot.CordonedByOthers, stranger, StringComparison.Ordinal);

        page.Node = page.Node with { Cordoned = "5 failures in a row", CordonedUntil = DateTimeOffset.UnixEpoch }; // the hub's own word
        Assert.Contains("5 failures in a row", await Body(page, Session), StringComparison.Ordinal);
    }

    /// <summary>The same with each of its texts, whatever they will be, and those of what it is made of, named and followed by that.</summary>
    private static T Filled<T>(T record, string text) where T : class
    {
        foreach (var property in record.GetType().GetProperties().Where(property => property.CanWrite))
        {
            if (property.PropertyType == typeof(string)) property.SetValue(record, $"{property.Name} {text}");
            else if (property.PropertyType.IsAssignableFrom(typeof(string[]))) property.SetValue(record, new[] { $"{property.Name} {text}" });
            else if (property.PropertyType == typeof(NodeCapabilities)) Filled((NodeCapabilities)property.GetValue(record)!, text);
        }

        return record;
    }

    [Fact]
    public async Task Home_SessionThatIsOver_LosesItsCookie()
    {
        await using var page = TestPage.Start();

        var answer = await page.Get("/", "hivemind_session=old");

        Assert.Contains(answer.Headers.GetValues("Set-Cookie"), cookie => cookie.StartsWith("hivemind_session=; expires=Thu, 01 Jan 1970", StringComparison.Ordinal));
        Assert.DoesNotContain("own-tasks", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task LogIn_Right_SetsACookieThatScriptsAndOtherSitesCannotUse()
    {
        await using var page = TestPage.Start();
        page.Logins.On("LogIn", a => Task.FromResult(new OpenedSession($"token-of-{a[0]}", DateTimeOffset.UnixEpoch.AddYears(90), new("u", "alice", "user"))));

        var answer = await page.LogIn("alice", "correct horse battery");

        Assert.Equal((HttpStatusCode.SeeOther, "/"), (answer.StatusCode, answer.Headers.Location!.ToString()));
        var cookie = Assert.Single(answer.Headers.GetValues("Set-Cookie"));
        Assert.StartsWith("hivemind_session=token-of-alice; expires=", cookie, StringComparison.Ordinal);
        Assert.EndsWith("path=/; samesite=strict; httponly", cookie, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FailureKind.Unauthenticated, "wrong")]
    [InlineData(FailureKind.ResourceExhausted, "toomany")]
    [InlineData(FailureKind.Unavailable, "away")]
    public async Task LogIn_Refused_SaysWhyAndNotMore(FailureKind kind, string problem)
    {
        await using var page = TestPage.Start();
        page.Logins.On("LogIn", _ => Task.FromException<OpenedSession>(new HiveMindException(kind, "R", "internal detail")));

        var answer = await page.LogIn("alice", "wrong");
        var shown = await (await page.Get(answer.Headers.Location!.ToString())).Content.ReadAsStringAsync();

        Assert.Equal($"/login?problem={problem}", answer.Headers.Location!.ToString());
        Assert.False(answer.Headers.Contains("Set-Cookie"));
        Assert.Contains("role=\"alert\"", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("internal detail", shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LogIn_WithoutTheFormsToken_IsNotEvenTried()
    {
        await using var page = TestPage.Start(); // a login would fail here: the stub expects none

        var answer = await page.LogIn("alice", "correct horse battery", withFormToken: false);

        Assert.Equal((HttpStatusCode.SeeOther, "/login?problem=oldform"), (answer.StatusCode, answer.Headers.Location!.ToString()));
    }

    [Fact]
    public async Task Home_LiveVisitorsUsedUp_ReloadsInsteadAndNegotiationIsRefused()
    {
        await using var page = TestPage.Start(new PageOptions { LiveVisitors = 0 });

        var body = await Body(page);
        var negotiation = await page.Client.PostAsync("/_blazor/negotiate?negotiateVersion=1", null);
        var polling = await page.Get("/_blazor?id=x");

        Assert.Contains("http-equiv=\"refresh\" content=\"30\"", body, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", body, StringComparison.Ordinal);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.BadRequest), (negotiation.StatusCode, polling.StatusCode));
    }

    [Theory]
    [InlineData("http://evil.example.org", HttpStatusCode.Forbidden)]
    [InlineData("http://localhost:1", HttpStatusCode.Forbidden)]
    [InlineData("null", HttpStatusCode.Forbidden)]
    [InlineData(null, HttpStatusCode.OK)]
    [InlineData("", HttpStatusCode.OK)] // its own
    public async Task Live_OfAnotherSitesPage_IsRefused(string? origin, HttpStatusCode expected)
    {
        await using var page = TestPage.Start();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/_blazor/negotiate?negotiateVersion=1");
        if (origin is not null) request.Headers.Add("Origin", origin.Length > 0 ? origin : page.Client.BaseAddress!.GetLeftPart(UriPartial.Authority));
        Assert.Equal(expected, (await page.Client.SendAsync(request)).StatusCode);
    }

    [Fact]
    public void Live_CrowdOfStrangers_LeavesRoomForOthersAndForWhoIsLoggedIn()
    {
        var visitors = new LiveVisitors(new PageOptions { LiveVisitors = 10, LiveVisitorsPerAddress = 3 });
        var crowd = Enumerable.Range(0, 5).Select(_ => visitors.Take(From("192.0.2.1"))).ToArray();
        Assert.Equal(3, crowd.Count(place => place is not null)); // of one address
        for (var i = 2; i < 9; i++) visitors.Take(From($"192.0.2.{i}"));
        Assert.Null(visitors.Take(From("192.0.2.99"))); // strangers have half of all
        Assert.True(visitors.IsFullFor(From("192.0.2.99")));
        var alice = Enumerable.Range(0, 4).Select(i => visitors.Take(From($"198.51.100.{i}", "alice"))).ToArray();
        Assert.Equal(3, alice.Count(place => place is not null)); // of one account
        crowd[0]!.Dispose();
        Assert.NotNull(visitors.Take(From("192.0.2.99")));
    }

    [Theory]
    [InlineData("https", "__Host-hivemind_session")]
    [InlineData("http", "hivemind_session")]
    public void Session_OverHttps_HasANameThatNoNeighbourCanSet(string scheme, string name) =>
        Assert.Equal(name, PageCookies.SessionName(new DefaultHttpContext { Request = { Scheme = scheme } }));

    private static DefaultHttpContext From(string address, string? user = null) => new()
    {
        Connection = { RemoteIpAddress = IPAddress.Parse(address) },
        User = user is null ? new() : Visitor.Of(new HiveMind.Users.Caller(user, user, "user"), "token"),
    };

    [Theory]
    [InlineData("localhost", HttpStatusCode.OK)]
    [InlineData("127.0.0.1:8080", HttpStatusCode.OK)]
    [InlineData("rebound.example.org", HttpStatusCode.MisdirectedRequest)]
    public async Task OpenMode_ByAnotherSitesName_IsRefused(string host, HttpStatusCode expected)
    {
        await using var page = TestPage.Start(new PageOptions { OpenMode = true });

        var answer = await page.Get("/", host: host);

        Assert.Equal(expected, answer.StatusCode);
        Assert.Equal(expected == HttpStatusCode.OK, (await answer.Content.ReadAsStringAsync()).Contains("task-1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Home_StoreThatDoesNotAnswer_SaysSoAndKeepsTheFigures()
    {
        await using var page = TestPage.Start();
        await Wait.Until(async () => (await Body(page)).Contains("data-test=\"waiting\">3<", StringComparison.Ordinal), TimeSpan.FromSeconds(20), () => "no figures");

        page.Activity.On("LastEnded", _ => Task.FromException<HiveMind.Storage.LastEnded?>(HiveMindException.Unavailable("BOOKS_UNAVAILABLE", "away")));

        await Wait.Until(async () => (await Body(page)).Contains("do not answer", StringComparison.Ordinal), TimeSpan.FromSeconds(40), () => "nothing is said");
        Assert.Contains("data-test=\"waiting\">3<", await Body(page), StringComparison.Ordinal);
    }

    private static async Task<string> Body(TestPage page, string? cookie = null) => await (await page.Get("/", cookie)).Content.ReadAsStringAsync();
}
