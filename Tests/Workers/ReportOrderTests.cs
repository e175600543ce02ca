using HiveMind.Protos;
using HiveMind.Workers.Attempts;
using HiveMind.Workers.Connection;

namespace HiveMind.Tests.Workers;

public sealed class ReportOrderTests
{
    private static readonly AttemptKey Key = new("task", 1);

    [Fact]
    public void Answered_HubNamesNoKind_AnswersComeInTheOrderOfReports()
    {
        var order = new ReportOrder();
        order.Sent(Key, TaskReportKind.Started);
        order.Sent(Key, TaskReportKind.Ended);
        Assert.Equal(TaskReportKind.Started, order.Answered(Key, TaskReportKind.Unspecified));
        Assert.Equal(TaskReportKind.Ended, order.Answered(Key, TaskReportKind.Unspecified));
    }

    [Fact]
    public void Answered_HubNamesTheKind_IsBelieved()
    {
        var order = new ReportOrder();
        order.Sent(Key, TaskReportKind.Started);
        order.Sent(Key, TaskReportKind.Ended);
        Assert.Equal(TaskReportKind.Ended, order.Answered(Key, TaskReportKind.Ended));
        Assert.Equal(TaskReportKind.Started, order.Answered(Key, TaskReportKind.Started));
    }
}
