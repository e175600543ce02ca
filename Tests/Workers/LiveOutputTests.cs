using System.Text;
using HiveMind.Workers.Attempts;
using HiveMind.Workers.Connection;
using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

/// <summary>What a running program prints on its way to a hub that a test plays.</summary>
public sealed class LiveOutputTests : IAsyncLifetime
{
    private static readonly AttemptKey Key = new("task", 1);
    private readonly RunPlace _place = RunPlace.Create(Directory.CreateTempSubdirectory("hivemind-test-").FullName);
    private readonly CancellationTokenSource _ended = new();
    private FakeHub _hub = null!;
    private readonly HubLine _line = new();
    private Transfers _transfers = null!;

    public async ValueTask InitializeAsync()
    {
        _hub = await FakeHub.Start();
        _line.Use(new HubChannel(_hub.Address, "token"));
        _transfers = new Transfers(_line, new Random(1), TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _ended.Dispose();
        _line.Dispose();
        await _hub.DisposeAsync();
        _place.Remove();
    }

    [Fact]
    public async Task Run_PrintsThroughAnOutageOfTheHub_EachByteArrivesOnceAndTheRestFollowsAtTheEnd()
    {
        var live = Begin();
        Print("one\n");
        await Arrives("stdout", "one\n");
        var port = _hub.Address.Port;
        await _hub.Shut();
        Print("two\n");
        await _hub.Open(port);
        await Arrives("stdout", "one\ntwo\n");
        await _ended.CancelAsync();
        await live;

        Print(new string('x', 10_000));
        var sent = await _transfers.SendOutput(Key, "stdout", _place.Stdout, default);

        Assert.Equal(10_008, sent.Size);
        Assert.Equal("one\ntwo\n" + new string('x', 10_000), Encoding.UTF8.GetString(_hub.Uploads.Single()));
    }

    [Fact]
    public async Task Run_EndsAtOnce_NothingIsSent()
    {
        Print("short");
        await _ended.CancelAsync();
        await Begin();
        Assert.Empty(_hub.Partials);
    }

    [Fact]
    public async Task Run_HubHasOutputOfAnEarlierRunOfTheAttempt_ItGoes()
    {
        _hub.Partials["stdout"] = new MemoryStream();
        _hub.Partials["stdout"].Write("what the first run printed"u8);
        _ = Begin();
        Print("other");
        await Arrives("stdout", "other");
    }

    [Fact]
    public async Task SendOutput_HubHasMoreOfAnEarlierRun_IsSentWhole()
    {
        await File.WriteAllBytesAsync(_place.Stderr, [.. Enumerable.Repeat((byte)7, 9_000)]);
        _hub.Partials["stderr"] = Expandable(20_000);
        Assert.Equal(9_000, (await _transfers.SendOutput(Key, "stderr", _place.Stderr, default)).Size);
        Assert.All(_hub.Uploads.Single(), b => Assert.Equal(7, b));
    }

    private static MemoryStream Expandable(int size)
    {
        var stream = new MemoryStream();
        stream.Write(new byte[size]);
        return stream;
    }

    private Task Begin() => LiveOutput.Run(_transfers, Key, _place, TimeProvider.System, _ended.Token);

    private void Print(string text) => File.AppendAllText(_place.Stdout, text);

    private Task Arrives(string stream, string text) => Fakes.Until(() => _hub.Partials.TryGetValue(stream, out var held) && Text(held) == text, 40);

    private static string Text(MemoryStream held)
    {
        lock (held)
            return Encoding.UTF8.GetString(held.ToArray());
    }
}
