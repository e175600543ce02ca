using HiveMind.Configuration;
using Microsoft.Extensions.Configuration;

namespace HiveMind.Tests.Configuration;

public sealed class SchedulingOptionsTests
{
    private static (PoolOptions Options, IReadOnlyList<string> Problems) Read(params string[] settings) => SiloConfiguration.Read(
        new ConfigurationBuilder().AddInMemoryCollection(settings.Select(setting => setting.Split('='))
            .Select(pair => KeyValuePair.Create($"HiveMind:{pair[0]}", (string?)pair[1])).Append(new("HiveMind:DataDirectory", "/tmp/hivemind"))).Build(),
        _ => null);

    [Fact]
    public void Read_Nothing_IsGood() => Assert.Empty(Read().Problems);

    [Fact]
    public void Read_EverySetting_IsBoundWhateverTheCaseOfItsNames()
    {
        var (options, problems) = Read(
            "Scheduling:Policy=BinPacking", "Scheduling:AgingStep=00:00:05", "Scheduling:UsageHalfLife=02:00:00", "Scheduling:BandWeights:Urgent=8",
            "SCHEDULING:BANDROLES:URGENT=Admin", "SCHEDULING:ROLES:USER:MAXPENDING=7", "Scheduling:Roles:User:SubmitsPerSecond=3",
            "Scheduling:Roles:admin:Weight=2.5", "Scheduling:Roles:admin:MaxCores=1.5", "Scheduling:Roles:admin:MaxRunning=4");

        Assert.Empty(problems);
        var read = options.ToHub().Scheduling;
        Assert.Equal(("BinPacking", TimeSpan.FromSeconds(5), TimeSpan.FromHours(2), 8.0), (read.Policy, read.AgingStep, read.UsageHalfLife, read.BandWeights.Urgent));
        Assert.Equal("Admin", read.BandRoles["Urgent"]);
        Assert.Equal((7, 3, 1.0), (read.OfRole("user").MaxPending, read.OfRole("user").SubmitsPerSecond, read.OfRole("user").Weight));
        Assert.Equal((2.5, 1.5, 4, 0), (read.OfRole("admin").Weight, read.OfRole("admin").MaxCores, read.OfRole("admin").MaxRunning, read.OfRole("admin").MaxPending));
        Assert.Equal(0, read.OfRole("").MaxPending);
    }

    [Theory]
    [InlineData("Policy=balancedspread")]
    [InlineData("AgingStep=00:00:00.5")]
    [InlineData("AgingStep=31.00:00:00")]
    [InlineData("UsageHalfLife=00:00:00")]
    [InlineData("BandWeights:Low=0")]
    [InlineData("BandWeights:Urgent=101")]
    [InlineData("BandWeights:High=NaN")]
    [InlineData("BandWeights:Normal=0.4")]
    [InlineData("BandRoles:Highest=admin")]
    [InlineData("BandRoles:High=")]
    [InlineData("Roles:guest:MaxPending=1")]
    [InlineData("Roles:user:Weight=0")]
    [InlineData("Roles:user:Weight=1001")]
    [InlineData("Roles:user:MaxRunning=-1")]
    [InlineData("Roles:user:MaxCores=-0.1")]
    [InlineData("Roles:user:MaxCores=NaN")]
    [InlineData("Roles:user:MaxPending=-1")]
    [InlineData("Roles:user:SubmitsPerSecond=1000001")]
    [InlineData("Roles:user:SubmitsPerSecond=many")]
    [InlineData("Roles:user:MaxPendig=1")]
    [InlineData("BandWeights:Extreme=8")]
    public void Read_OneBadSetting_IsOneLineThatNamesIt(string setting)
    {
        var problem = Assert.Single(Read($"Scheduling:{setting}").Problems);
        var name = setting.Split('=')[0];
        Assert.Contains($"HiveMind:Scheduling:{(name.StartsWith("Roles:guest", StringComparison.Ordinal) ? "Roles:guest" : name)}", problem, StringComparison.Ordinal);
    }
}
