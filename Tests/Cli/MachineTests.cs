using HiveMind.Cli;

namespace HiveMind.Tests.Cli;

/// <summary>Which machine this is, and which signals end a program in order.</summary>
public sealed class MachineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hivemind-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void MachineId_OfTheMachine_IsTheSameAgainAndNotTheMachinesOwn()
    {
        var source = Path.Combine(_folder, "id");
        File.WriteAllText(source, "0123456789abcdef0123456789abcdef\n");
        var id = MachineId.Of([source], _folder);
        Assert.Equal(id, MachineId.Of([source], Path.Combine(_folder, "other")));
        Assert.Matches("^[0-9a-f]{32}$", id);
        Assert.NotEqual("0123456789abcdef0123456789abcdef", id);
    }

    [Theory]
    [InlineData("")] // as in the image of a container
    [InlineData("uninitialized\n")]
    public void MachineId_TheMachineHasNone_IsMadeUpAndKept(string text)
    {
        var source = Path.Combine(_folder, "id");
        File.WriteAllText(source, text);
        var id = MachineId.Of([source, Path.Combine(_folder, "none")], _folder);
        Assert.Equal(id, MachineId.Of([source], _folder));
        Assert.NotEqual(id, MachineId.Of([source], Path.Combine(_folder, "other")));
    }

    [Theory]
    [InlineData("SigIgn:\t0000000000000001\n", 1, true)]
    [InlineData("SigIgn:\t0000000000001000\n", 1, false)]
    [InlineData("SigIgn:\t0000000000000004\n", 3, true)]
    [InlineData("SigIgn:\t0000000000000003\n", 3, false)]
    [InlineData("SigBlk:\t0000000000000001\n", 1, false)]
    [InlineData("SigIgn:\tnonsense\n", 1, false)]
    public void IsIgnored_ByTheMask(string status, int signal, bool expected) => Assert.Equal(expected, StopSignals.IsIgnored(status, signal));

    [Fact]
    public void MessageWriter_TheTerminalIsGone_DropsTheLine()
    {
        var tried = new GoneStream();
        var writer = new MessageWriter(TextWriter.Synchronized(new StreamWriter(tried) { AutoFlush = true }));
        writer.WriteLine("Stopping.");
        writer.Write("x");
        writer.Flush();
        Assert.True(tried.Writes > 0);
    }

    private sealed class GoneStream : MemoryStream
    {
        public int Writes { get; private set; }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Writes++;
            throw new IOException("Input/output error");
        }
    }
}
