using HiveMind.Cli;
using HiveMind.Workers;
using HiveMind.Workers.Connection;

namespace HiveMind.Tests.Cli;

public sealed class HubAddressTests : IDisposable
{
    private const string Hex = "02310921e102affdfb083f42dc3289fc6247d927bd7251af6cc1ad674a9ad019";
    private const string Pin = $"sha256={Hex}";
    private readonly string folder = Directory.CreateTempSubdirectory("hivemind-hubs-").FullName;

    [Theory]
    [InlineData("http://127.0.0.1:50051", "http://127.0.0.1:50051")]
    [InlineData("hub.lan:50051", "http://hub.lan:50051")]
    [InlineData($"https://192.168.1.5:50051#{Pin}", $"https://192.168.1.5:50051#{Pin}")]
    [InlineData($"192.168.1.5:50051#{Pin}", $"https://192.168.1.5:50051#{Pin}")]
    [InlineData($"https://[fd00::5]:50051/#{Pin}", $"https://[fd00::5]:50051#{Pin}")]
    [InlineData($"https://HUB:50051#SHA256={Hex}", $"https://hub:50051#{Pin}")]
    public void Read_Address_IsKeyAndPin(string text, string full) => Assert.Equal(full, HubAddress.Full(HubAddress.Read(text)));

    [Theory]
    [InlineData("ftp://hub")]
    [InlineData("https://hub:50051#sha256=12")]
    [InlineData($"https://hub:50051#sha1={Hex}")]
    [InlineData($"https://hub:50051#{Pin}0")]
    [InlineData($"http://hub:50051#{Pin}")]
    public void Read_WhatIsNoAddress_IsUsage(string text) =>
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CliException>(() => HubAddress.Read(text)).ExitCode);

    [Theory]
    [InlineData("http://127.0.0.1:50051", false, true)]
    [InlineData("http://localhost:50051", false, true)]
    [InlineData("http://[::1]:50051", false, true)]
    [InlineData("https://hub.lan:50051", false, true)]
    [InlineData("hub.lan:50051", false, false)]
    [InlineData("http://192.168.1.5:50051", false, false)]
    [InlineData("http://192.168.1.5:50051", true, true)]
    public void RequirePrivate_HubInClearOnAnotherMachine_IsRefusedUnlessAsked(string text, bool insecure, bool passes)
    {
        var hub = HubAddress.Read(text);
        if (passes) Assert.Equal(hub, HubAddress.RequirePrivate(hub, insecure));
        else Assert.Contains("--insecure", Assert.Throws<CliException>(() => HubAddress.RequirePrivate(hub, insecure)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_WorkerWithAPinThatIsNone_IsRefused() => Assert.NotNull(
        new WorkerOptions { Hub = new Uri("https://hub:50051#sha256=12"), NodeId = "n", NodeToken = "t" }.Validate());

    [Fact]
    public void Parse_HubThatIsKnown_CarriesItsPinUntilAnotherIsNamed()
    {
        var known = new KnownHubs(folder);
        known.Remember(HubAddress.Read($"https://hub:50051#{Pin}"));
        var other = $"https://hub:50051#sha256={new string('a', 64)}";

        Assert.Equal($"https://hub:50051#{Pin}", HubAddress.Full(Parse("https://HUB:50051")));
        Assert.Equal(other, HubAddress.Full(Parse(other)));
        Assert.Equal("https://hub:50052", HubAddress.Full(Parse("https://hub:50052")));
        known.Remember(HubAddress.Read(other));
        Assert.Equal(other, HubAddress.Full(Parse("https://hub:50051")));
    }

    [Fact]
    public void Parse_KnownHubsThatCannotBeRead_IsNotTakenAsNone()
    {
        File.WriteAllText(new KnownHubs(folder).FilePath, "{");
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CliException>(() => Parse("https://hub:50051")).ExitCode);
    }

    [Fact]
    public void LocalHub_SiloOfThisUser_IsWhereItSaysElseTheDefault()
    {
        var local = new LocalHub(folder);
        Assert.Equal(Verb.DefaultHub, HubAddress.Full(local.Address));

        using (HiveMind.Hosting.LocalAddressFile.Write(folder, $"https://127.0.0.1:50051#{Pin}", Assert.Fail))
        {
            Assert.Equal($"https://127.0.0.1:50051#{Pin}", HubAddress.Full(local.Address));
        }

        Assert.Equal(Verb.DefaultHub, HubAddress.Full(local.Address));
    }

    [Theory]
    [InlineData("192.168.1.5", $"https://192.168.1.5:50051#{Pin}")]
    [InlineData("fd00::5", $"https://[fd00::5]:50051#{Pin}")]
    [InlineData("hub.lan", $"https://hub.lan:50051#{Pin}")]
    public void At_AnotherHost_KeepsPortAndPin(string host, string full) =>
        Assert.Equal(full, HubAddress.Full(HubFromAfar.At(HubAddress.Read($"https://127.0.0.1:50051#{Pin}"), host)));

    [Theory]
    [InlineData("hub/path")]
    [InlineData("hub lan")]
    [InlineData("hub:1")]
    public void At_NoHost_IsUsage(string host) =>
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CliException>(() => HubFromAfar.At(new Uri("http://127.0.0.1:50051"), host)).ExitCode);

    [Fact]
    public void NodeToken_Line_ComesBack()
    {
        var token = new NodeToken($"https://192.168.1.5:50051#{Pin}", "laptop", "hmn_secret~x");

        Assert.Equal(token, NodeToken.Parse($"\n {token.ToLine()}\r\n", "file"));
        Assert.DoesNotContain('\n', token.ToLine());
    }

    [Fact]
    public void NodeToken_BareToken_HasNoHubAndNoNode() => Assert.Equal(new NodeToken("", "", "hmn_x"), NodeToken.Parse("hmn_x\n", "file"));

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("{\"hub\":\"http://h:1\",\"node_id\":\"n\"}")]
    [InlineData("{\"hub\":\"http://h:1\",\"node_id\":\"n\",\"node_token\":\"secr")]
    public void NodeToken_CutOff_IsUsageAndKeepsTheSecret(string text)
    {
        var failure = Assert.Throws<CliException>(() => NodeToken.Parse(text, "file"));
        Assert.Equal(ExitCodes.Usage, failure.ExitCode);
        Assert.DoesNotContain("secr", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/home/a/hivemind", "/home/a", "/usr/bin", "./hivemind")]
    [InlineData("/opt/hm/hivemind", "/home/a", "/usr/bin", "/opt/hm/hivemind")]
    [InlineData("/opt/my tools/hivemind", "/home/a", "", "'/opt/my tools/hivemind'")]
    public void PrefixFor_ProgramOffThePath_IsItsPath(string program, string current, string path, string prefix) =>
        Assert.Equal(prefix, Launch.PrefixFor(Path.GetDirectoryName(program)!, current, program, path));

    [Fact]
    public void PrefixFor_ProgramOnThePath_IsItsName()
    {
        var program = Path.Combine(folder, "hivemind");
        File.WriteAllText(program, "");
        Assert.Equal("hivemind", Launch.PrefixFor(folder, "/", program, $"/nowhere{Path.PathSeparator}{folder}"));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private Uri Parse(string text) => HubAddress.Parse(text, new KnownHubs(folder), new LocalHub(folder));
}
