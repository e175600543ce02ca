using HiveMind.Tasks;

namespace HiveMind.Tests;

public sealed class TaskIdsTests
{
    [Fact]
    public void New_SameUserAndRequest_SameId() => Assert.Equal(TaskIds.New("u", "r"), TaskIds.New("u", "r"));
}
