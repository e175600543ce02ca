namespace HiveMind.Web;

/// <summary>What the page needs to know of the hub it belongs to.</summary>
public sealed class PageOptions
{
    /// <summary>Visitors whose pages are refreshed live at the same time; to the others the page is a still one that reloads by itself.</summary>
    public int LiveVisitors { get; init; } = 100;
    /// <summary>Of them from one address, and of one account.</summary>
    public int LiveVisitorsPerAddress { get; init; } = 20;
    /// <summary>The port itself speaks https, so that no page of it is ever seen otherwise.</summary>
    public bool IsHttps { get; init; }
    /// <summary>No login is needed on this hub, which listens on loopback only.</summary>
    public bool OpenMode { get; init; }
    /// <summary>Passwords may come over an unencrypted connection from another machine.</summary>
    public bool AllowInsecure { get; init; }
    /// <summary>How to type a verb of the command line here: `hivemind`, or what stands for it in a checkout.</summary>
    public string Command { get; set; } = "hivemind";
    /// <summary>What a verb needs to find this hub; known only once it listens.</summary>
    public string HubFlag { get; set; } = "";

    /// <summary>The line to type for that verb and its arguments.</summary>
    public string Next(string verb) => $"{Command} {verb}{HubFlag}";
}
