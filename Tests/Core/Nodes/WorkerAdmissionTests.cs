using HiveMind.Nodes;

namespace HiveMind.Tests.Nodes;

/// <summary>Which start of a worker is let in; heartbeats each 3 s, so 8 s of silence are enough.</summary>
public sealed class WorkerAdmissionTests
{
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(3);

    [Theory]
    [InlineData("", 0.1, AdmissionVerdict.AdmittedUntold)] // nobody holds it, or one of before
    [InlineData("a", 0.1, AdmissionVerdict.Admitted)] // the same, on another connection
    [InlineData("dead", 0.1, AdmissionVerdict.Admitted)] // the one before it on its machine
    [InlineData("b", 0.1, AdmissionVerdict.Held)]
    [InlineData("b", 7.9, AdmissionVerdict.Held)]
    [InlineData("b", 8.0, AdmissionVerdict.Admitted)]
    [InlineData("b", 1000.0, AdmissionVerdict.Admitted)]
    public void Judge_Asks(string holder, double silent, AdmissionVerdict expected) =>
        Assert.Equal(expected, WorkerAdmission.Judge(holder, new("a", ["older", "dead"]), TimeSpan.FromSeconds(silent), Beat, null));

    [Theory]
    [InlineData(0.1, AdmissionVerdict.Held)]
    [InlineData(8.0, AdmissionVerdict.Admitted)]
    public void Judge_AWorkerOfBefore_WaitsForOneThatSays(double silent, AdmissionVerdict expected) =>
        Assert.Equal(expected, WorkerAdmission.Judge("b", null, TimeSpan.FromSeconds(silent), Beat, null));

    [Fact]
    public void Judge_LeaseIsOver_IsAdmitted() => Assert.Equal(AdmissionVerdict.Admitted, WorkerAdmission.Judge("b", new("a", []), null, Beat, null));

    [Theory]
    [InlineData(2.0, 2.5, AdmissionVerdict.Held)] // its last word may have been on its way when it died
    [InlineData(2.0, 3.1, AdmissionVerdict.InUse)]
    [InlineData(0.0, 3.0, AdmissionVerdict.InUse)]
    [InlineData(5.0, 4.0, AdmissionVerdict.Held)] // not heard since
    [InlineData(8.0, 60.0, AdmissionVerdict.Admitted)]
    public void Judge_AsksAgain_LearnsWhetherTheOtherLives(double silent, double waiting, AdmissionVerdict expected) =>
        Assert.Equal(expected, WorkerAdmission.Judge("b", new("a", []), TimeSpan.FromSeconds(silent), Beat, TimeSpan.FromSeconds(waiting)));
}
