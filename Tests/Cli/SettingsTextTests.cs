using Grpc.Core;
using HiveMind.Cli;

namespace HiveMind.Tests.Cli;

public sealed class SettingsTextTests
{
    [Theory]
    [InlineData("512", 512)]
    [InlineData("512M", 512)]
    [InlineData("512MiB", 512)]
    [InlineData("2G", 2048)]
    [InlineData("1.5g", 1536)]
    [InlineData("1k", 1)]
    public void Megabytes_WrittenByPeople_AreUnderstood(string text, long megabytes) =>
        Assert.Equal(megabytes, SizeText.Megabytes(text));

    [Theory]
    [InlineData("")]
    [InlineData("-1G")]
    [InlineData("0")]
    [InlineData("2X")]
    [InlineData("G")]
    [InlineData("1GM")]
    public void Megabytes_Nonsense_IsUsage(string text) =>
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CliException>(() => SizeText.Megabytes(text)).ExitCode);

    [Theory]
    [InlineData("90", 90)]
    [InlineData("90s", 90)]
    [InlineData("5m", 300)]
    [InlineData("1h30m", 5400)]
    [InlineData("2d", 172800)]
    public void Seconds_WrittenByPeople_AreUnderstood(string text, long seconds) => Assert.Equal(seconds, DurationText.Seconds(text));

    [Theory]
    [InlineData("")]
    [InlineData("0s")]
    [InlineData("-5m")]
    [InlineData("m")]
    [InlineData("5x")]
    public void Seconds_Nonsense_IsUsage(string text) =>
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CliException>(() => DurationText.Seconds(text)).ExitCode);

    [Theory]
    [InlineData(StatusCode.InvalidArgument, 2)]
    [InlineData(StatusCode.NotFound, 2)]
    [InlineData(StatusCode.FailedPrecondition, 2)]
    [InlineData(StatusCode.Unauthenticated, 3)]
    [InlineData(StatusCode.Unavailable, 4)]
    [InlineData(StatusCode.DeadlineExceeded, 4)]
    public void ExitCodeOf_Status_IsPromised(StatusCode code, int exit) => Assert.Equal(exit, RpcFailure.ExitCodeOf(code));

    [Fact]
    public void PrefixFor_BuildFolder_IsDotnetRun() =>
        Assert.Equal("dotnet run --project Cli --", Launch.PrefixFor("/home/a/repo/Cli/bin/Debug/net10.0/", "/home/a/repo"));

    [Fact]
    public void PrefixFor_InstalledFolder_IsHivemind() => Assert.Equal("hivemind", Launch.PrefixFor("/opt/hivemind/", "/home/a/repo"));
}
