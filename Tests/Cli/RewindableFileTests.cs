using System.Text;
using HiveMind.Cli;

namespace HiveMind.Tests.Cli;

/// <summary>Where the output of a program goes whose next attempt prints something else.</summary>
public sealed class RewindableFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    private string Content => File.ReadAllText(_path);

    [Fact]
    public async Task PrintedStream_ToAPlainFile_HoldsTheLastAttemptAlone()
    {
        SkipElsewhere();
        using var file = new Descriptor(_path, append: false);
        using var shown = new PrintedStream(RewindableFile.Of(file.Number, file.Writer));
        Assert.True(await Write(shown, 1, "run a\nstep 0\n"));
        Assert.False(await Write(shown, 2, "run b\nstep 0\nstep 1\n"));
        Assert.True(shown.TookBack);
        Assert.True(await Write(shown, 2, "run b\nstep 0\nstep 1\n"));
        file.WriteByOthers("done\n"); // what the shell starts next shares the descriptor
        Assert.Equal("run b\nstep 0\nstep 1\ndone\n", Content);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Rewind_BehindWhatWasThere_LeavesThat(bool append)
    {
        SkipElsewhere();
        File.WriteAllText(_path, "before\n");
        using var file = new Descriptor(_path, append);
        if (!append) Assert.True(HiveMind.Storage.NativeFiles.MoveTo(file.Number, 7));
        var stream = Assert.IsType<RewindableFile>(RewindableFile.Of(file.Number, file.Writer));
        await stream.WriteAsync("one"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.True(stream.Rewind());
        await stream.WriteAsync("two two"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.Equal("before\ntwo two", Content);
    }

    [Fact]
    public async Task Rewind_AfterAnotherHasWritten_TakesNothingBack()
    {
        SkipElsewhere();
        using var file = new Descriptor(_path, append: false);
        var stream = Assert.IsType<RewindableFile>(RewindableFile.Of(file.Number, file.Writer));
        await stream.WriteAsync("one"u8.ToArray(), TestContext.Current.CancellationToken);
        file.WriteByOthers("!");
        Assert.False(stream.Rewind());
        Assert.Equal("one!", Content);
    }

    [Fact]
    public void Of_WhatIsNoPlainFileOrOverOlderContent_IsTheStreamItself()
    {
        SkipElsewhere();
        using var nothing = new Descriptor("/dev/null", append: false);
        Assert.Same(nothing.Writer, RewindableFile.Of(nothing.Number, nothing.Writer));
        File.WriteAllText(_path, "older");
        using var over = new Descriptor(_path, append: false);
        Assert.Same(over.Writer, RewindableFile.Of(over.Number, over.Writer));
        Assert.Same(Stream.Null, RewindableFile.Of(-1, Stream.Null));
    }

    private static void SkipElsewhere() => Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/bin/sh"), "descriptors are looked at on Linux");

    private static Task<bool> Write(PrintedStream shown, int attempt, string text) => shown.Write(attempt, Encoding.UTF8.GetBytes(text), TestContext.Current.CancellationToken);

    /// <summary>An open file as a shell hands it to a program: writes go where its one place is, or to its end.</summary>
    private sealed class Descriptor : IDisposable
    {
        public Descriptor(string path, bool append)
        {
            Number = HiveMind.Tests.Cli.Libc.Open(path, append ? Libc.Write | Libc.Append : Libc.Write);
            Assert.True(Number >= 0);
            Writer = new RawWriter(Number);
        }

        public int Number { get; }
        public Stream Writer { get; }

        public void WriteByOthers(string text) => Writer.Write(Encoding.UTF8.GetBytes(text));

        public void Dispose() => Libc.Close(Number);
    }

    private sealed class RawWriter(int descriptor) : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => Assert.Equal(buffer.Length, (int)Libc.WriteTo(descriptor, buffer));

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Write(buffer.Span);
            return ValueTask.CompletedTask;
        }
    }
}

/// <summary>Calls as other programs make them.</summary>
internal static unsafe partial class Libc
{
    public const int Write = 1, Append = 0x400;

    public static nint WriteTo(int descriptor, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* at = bytes) return WriteTo(descriptor, at, bytes.Length);
    }

    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "open", StringMarshalling = System.Runtime.InteropServices.StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int descriptor);

    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "write")]
    private static partial nint WriteTo(int descriptor, byte* bytes, nint count);
}
