namespace HiveMind.Tests.Contracts;

/// <summary>
/// The wire and the contracts of the grains are what the files beside this one say. A test that fails here says what differs and whether that is a break;
/// `.ci/contracts` writes the files anew.
/// </summary>
public sealed class ContractTests
{
    /// <summary>"add": write what is added and refuse breaks; "break": write whatever there is.</summary>
    private static readonly string? Renewal = Environment.GetEnvironmentVariable("HIVEMIND_RENEW_CONTRACTS");

    [Fact]
    public void Wire_IsWhatWasWrittenDown() => Check(WireContract.File, WireContract.About, WireContract.Build(), namesCount: true);

    [Fact]
    public void Grains_AreWhatWasWrittenDown() => Check(GrainContract.File, GrainContract.About, GrainContract.Build(), namesCount: false);

    [Fact]
    public void Grains_NameWhateverCrossesOrIsStored() => Assert.Empty(GrainContract.Unnamed(GrainContract.Product.SelectMany(assembly => assembly.GetTypes()).ToList()));

    [Fact]
    public void Grains_WithReminders_NameThem() => Assert.All(
        GrainContract.Product.SelectMany(assembly => assembly.GetTypes()).Where(type => type is { IsClass: true, IsAbstract: false } && type.IsAssignableTo(typeof(IRemindable)) && type.IsAssignableTo(typeof(IGrain))),
        grain => Assert.NotEmpty(GrainContract.Reminders(grain)));

    private static void Check(string file, string about, Contract built, bool namesCount)
    {
        var diff = ContractDiff.Between(Renewal == "break" ? built : Contract.Read(file), built, namesCount);
        if (Renewal == "break" || (Renewal == "add" && diff.Breaks.Count == 0)) built.Write(file, about);
        else Assert.True(diff.IsNone, diff.Report());
    }
}
