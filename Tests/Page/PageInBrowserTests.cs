using Deque.AxeCore.Playwright;
using Grpc.Core;
using HiveMind.Tests.Processes;
using Microsoft.Playwright;

namespace HiveMind.Tests.Page;

/// <summary>The page as people meet it: in Chromium, against a real pool.</summary>
[Collection(PageCollection.Name)]
public sealed class PageInBrowserTests(PagePool shared)
{
    [Theory]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    public async Task Stranger_AtAnyWidth_SeesSumsAndNobodysName(int width, ColorScheme scheme)
    {
        await using var visit = await shared.Chromium.Visit(shared.Address, width, scheme: scheme);
        var task = await shared.Submit(shared.Grace, 50);
        await shared.Pool.WaitForEnd(task, shared.Grace);

        await visit.Open();
        await visit.Until("nodes", text => text == "1");
        await visit.Until("ended", text => text is not "0");
        // The page's own sealed data is random letters, of which three may well make a name.
        var html = System.Text.RegularExpressions.Regex.Replace(await visit.Page.ContentAsync(), "[A-Za-z0-9+/_=-]{48,}", "");

        foreach (var personal in new[] { "ada", "grace", PagePool.Node, "example.org", task, shared.Grace.UserId, shared.Ada.UserId })
            Assert.DoesNotContain(personal, html, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(0, await visit.Part("own-tasks").CountAsync());
        await Fits(visit);
    }

    [Fact]
    public async Task Figures_TaskSubmittedWhileThePageIsOpen_ChangeWithoutReload()
    {
        await using var visit = await shared.Chromium.Visit(shared.Address);
        await visit.Open();
        await visit.Page.EvaluateAsync("window.sameDocument = true");
        await visit.Until("nodes", text => text == "1");
        await visit.Until("running", text => text == "0");
        var before = await visit.Page.Locator("svg[aria-labelledby^=queue] path.line.work").GetAttributeAsync("d");

        var task = await shared.Submit(shared.Grace, 8000);

        await visit.Until("running", text => text == "1");
        await shared.Pool.Master.CancelTaskAsync(new() { TaskId = task }, shared.Grace.Metadata);
        await visit.Until("running", text => text == "0");
        await visit.Until("last", text => text.Contains("cancelled", StringComparison.Ordinal));
        await Wait.Until(async () => await visit.Page.Locator("svg[aria-labelledby^=queue] path.line.work").GetAttributeAsync("d") != before,
            TimeSpan.FromSeconds(30), () => "the plot stood still");
        Assert.True(await visit.Page.EvaluateAsync<bool>("window.sameDocument === true"));
        Assert.Empty(visit.Complaints);
    }

    [Theory]
    [InlineData(1280, ColorScheme.Dark)]
    [InlineData(390, ColorScheme.Light)]
    public async Task Login_ByKeyboardAlone_ShowsTheOwnTasksAsTheyGo(int width, ColorScheme scheme)
    {
        var foreign = await shared.Submit(shared.Ada, 1);
        await using var visit = await shared.Chromium.Visit(shared.Address, width, scheme: scheme);
        await visit.Open();
        await TabTo(visit, "[data-test=login]");
        await visit.Page.Keyboard.PressAsync("Enter");
        await visit.Page.WaitForURLAsync("**/login");
        await visit.Page.Locator("#username:focus").WaitForAsync(); // a function to wait for would be refused by the page's own policy
        await visit.Page.Keyboard.TypeAsync("grace");
        await visit.Page.Keyboard.PressAsync("Tab");
        await visit.Page.Keyboard.TypeAsync("correct horse battery");
        await visit.Page.Keyboard.PressAsync("Enter");
        await visit.Part("live").WaitForAsync();

        var task = await shared.Submit(shared.Grace, 8000);

        await visit.Until("own-tasks", text => text.Contains(task[..10], StringComparison.Ordinal) && text.Contains("running", StringComparison.Ordinal));
        await shared.Pool.Master.CancelTaskAsync(new() { TaskId = task }, shared.Grace.Metadata);
        await visit.Until("own-tasks", text => text.Contains("cancelled", StringComparison.Ordinal));
        await visit.Until("all-nodes", text => text.Contains(PagePool.Node, StringComparison.Ordinal) && text.Contains("ada", StringComparison.Ordinal));
        Assert.Equal("grace", await visit.Part("who").InnerTextAsync());
        Assert.DoesNotContain(foreign[..10], await visit.Part("own-tasks").InnerTextAsync(), StringComparison.Ordinal);
        Assert.Contains(await visit.Cookies(), cookie => cookie is { Name: "hivemind_session", HttpOnly: true, SameSite: SameSiteAttribute.Strict });
        await Fits(visit);
    }

    [Fact]
    public async Task Logout_EndsTheSessionForEveryDoor()
    {
        await using var visit = await shared.Chromium.Visit(shared.Address);
        await visit.LogIn("grace");
        await visit.Part("own-tasks").WaitForAsync();
        var token = PoolProcess.Bearer((await visit.SessionCookie())!);
        Assert.Equal("grace", (await shared.Pool.Users.GetUserInfoAsync(new(), token)).User.Username);

        await visit.Part("logout").ClickAsync();
        await visit.Part("login").WaitForAsync();

        Assert.Equal(StatusCode.Unauthenticated, (await Refusal.Of(shared.Pool.Users.GetUserInfoAsync(new(), token))).Code);
        Assert.Null(await visit.SessionCookie());
        Assert.Equal(0, await visit.Part("own-tasks").CountAsync());
    }

    [Fact]
    public async Task Session_EndedElsewhere_TakesTheDetailsOffTheOpenPage()
    {
        await using var visit = await shared.Chromium.Visit(shared.Address);
        await visit.LogIn("grace");
        await visit.Part("live").WaitForAsync();
        await visit.Part("own-tasks").WaitForAsync();

        await shared.Pool.Users.LogoutUserAsync(new(), PoolProcess.Bearer((await visit.SessionCookie())!));

        await visit.Part("session-over").WaitForAsync();
        Assert.Equal(0, await visit.Part("own-tasks").CountAsync());
        Assert.Equal(0, await visit.Part("all-nodes").CountAsync());
    }

    [Theory]
    [InlineData("grace", "wrong horse battery")]
    [InlineData("nobody-of-that-name", "correct horse battery")]
    public async Task Login_Wrong_SaysTheOneTextAndSetsNoCookie(string name, string password)
    {
        await using var visit = await shared.Chromium.Visit(shared.Address);

        await visit.LogIn(name, password);

        Assert.Equal(HiveMindException.Unauthenticated().Message, await visit.Part("problem").InnerTextAsync());
        Assert.Null(await visit.SessionCookie());
        await Fits(visit);
    }

    [Fact]
    public async Task WithoutScripts_TheFiguresAreThereAndTheSwitchWorks()
    {
        await using var visit = await shared.Chromium.Visit(shared.Address, scripts: false);

        // The figures are some seconds old, and nothing on this page renews them: it is asked for until the node is in them.
        await Wait.Until(async () =>
        {
            await visit.Page.GotoAsync("/");
            return await visit.Part("nodes").InnerTextAsync() == "1";
        }, TimeSpan.FromSeconds(20), () => "no node on the page");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Dark" }).ClickAsync();

        Assert.Equal("dark", await visit.Page.Locator("html").GetAttributeAsync("data-theme"));
        Assert.Empty(visit.Complaints);
    }

    /// <summary>Nothing sticks out, nothing failed, nothing went to another origin, and axe finds no fault.</summary>
    private static async Task Fits(BrowserVisit visit)
    {
        var faults = (await visit.Page.RunAxe()).Violations.Select(fault => $"{fault.Id}: {fault.Help}: {string.Join(" | ", fault.Nodes.Select(node => node.Html))}");
        Assert.True(!faults.Any(), string.Join('\n', faults));
        Assert.False(await visit.Overflows(), "the page is wider than the screen");
        Assert.Empty(visit.Complaints);
    }

    /// <summary>Presses Tab until that element has the focus, which must show.</summary>
    private static async Task TabTo(BrowserVisit visit, string selector)
    {
        for (var presses = 0; presses < 20; presses++)
        {
            await visit.Page.Keyboard.PressAsync("Tab");
            Assert.True(await visit.Page.EvaluateAsync<bool>("getComputedStyle(document.activeElement).outlineStyle !== 'none'"), "the focus does not show");
            if (await visit.Page.EvaluateAsync<bool>("selector => document.activeElement.matches(selector)", selector)) return;
        }

        Assert.Fail($"{selector} cannot be reached with Tab");
    }
}
