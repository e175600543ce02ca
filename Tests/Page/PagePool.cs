using System.Text.RegularExpressions;
using Google.Protobuf;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Page;

/// <summary>A real pool with one node of `ada`'s that runs `noop` tasks, and a browser.</summary>
public partial class PagePool : SharedPool
{

    public const string Node = "ada-workshop";
    private WorkerProcess? _worker;

    public PagePool() : base("Tasks:AllowNoop=true")
    {
    }

    private protected PagePool(string dataDirectory) : base("Tasks:AllowNoop=true", $"DataDirectory={dataDirectory}")
    {
    }

    public Chromium Chromium { get; } = new();
    public Login Ada { get; private set; } = null!;
    public Login Grace { get; private set; } = null!;
    public string Address => PageLine().Match(Pool.Output).Groups[1].Value;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await Chromium.InitializeAsync();
        Ada = await Pool.NewUser("ada");
        Grace = await Pool.NewUser("grace");
        _worker = await Pool.StartWorker(Ada, Node, "--allow-noop", "--unsandboxed");
    }

    /// <summary>A task that does nothing for so long.</summary>
    public async Task<string> Submit(Login user, int milliseconds) => (await Pool.Master.SubmitTaskAsync(
        new() { TaskType = "noop", TaskData = ByteString.CopyFromUtf8(milliseconds.ToString(System.Globalization.CultureInfo.InvariantCulture)) }, user.Metadata)).TaskId;

    public override async ValueTask DisposeAsync()
    {
        await Chromium.DisposeAsync();
        _worker?.Dispose();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [GeneratedRegex(@"page +(http://[^/\s]+)/")]
    private static partial Regex PageLine();
}

/// <summary>One pool and one browser for all tests of the page.</summary>
[CollectionDefinition(Name)]
public sealed class PageCollection : ICollectionFixture<PagePool>
{
    public const string Name = "page";
}
