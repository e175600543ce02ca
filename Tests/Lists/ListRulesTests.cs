using CsCheck;
using HiveMind.Edge;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Gateway;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Lists;

public sealed class ListRulesTests
{
    private static readonly TaskKey Key = new(1_764_000_000_123, "00ff00ff00ff00ff00ff00ff00ff00ff");
    private static readonly TaskFilter Filter = new()
    {
        UserId = "anna", States = [TaskState.Failed, TaskState.Completed], TaskType = "python", FromMs = 5, BeforeMs = 9,
    };

    private readonly PageTokens _tokens = Tokens(1);

    private static PageTokens Tokens(byte key) => new(Stub<IPoolDatabase>.New().On("get_TokenTagKey", _ => Enumerable.Repeat(key, 32).ToArray()).Object);

    [Fact]
    public void Token_ReadBack_IsTheKey()
    {
        Assert.Equal(Key, _tokens.Read(_tokens.Issue(Key, Filter), Filter));
        Assert.Equal(Key, _tokens.Read(_tokens.Issue(Key, Filter), Filter with { States = [TaskState.Completed, TaskState.Failed] }));
    }

    [Fact]
    public void Token_AnyOtherFilterOrDatabase_IsRefused()
    {
        var token = _tokens.Issue(Key, Filter);
        TaskFilter[] others =
        [
            Filter with { UserId = "bob" }, Filter with { UserId = null }, Filter with { States = [] }, Filter with { TaskType = "" },
            Filter with { FromMs = 6 }, Filter with { BeforeMs = 10 },
        ];
        Assert.All(others, other => Assert.Null(_tokens.Read(token, other)));
        Assert.Null(Tokens(2).Read(token, Filter));
    }

    [Fact]
    public void Token_ChangedAnywhere_IsRefused()
    {
        var token = _tokens.Issue(Key, Filter);
        for (var i = 0; i < token.Length; i++)
        {
            var changed = token.ToCharArray();
            changed[i] = changed[i] == 'A' ? 'Q' : 'A';
            Assert.Null(_tokens.Read(new string(changed), Filter));
        }
    }

    [Fact]
    public void Token_AnyText_IsRefusedAndThrowsNothing() =>
        Gen.String.Array[1].Sample(text => _tokens.Read(text[0], Filter) is null);

    [Theory]
    [InlineData("states")]
    [InlineData("task_type")]
    [InlineData("created_after")]
    [InlineData("created_before")]
    [InlineData("page_size")]
    public void Check_BadField_IsNamed(string field)
    {
        var request = new Wire.ListTasksRequest();
        switch (field)
        {
            case "states": request.States.Add((Wire.TaskState)42); break;
            case "task_type": request.TaskType = "py thon"; break;
            case "created_after": request.CreatedAfter = "yesterday"; break;
            case "created_before": (request.CreatedAfter, request.CreatedBefore) = ("2026-11-25T10:00:00Z", "2026-11-25T11:00:00+01:00"); break;
            default: request.PageSize = 501; break;
        }

        Assert.Equal(field, Assert.Single(ListRules.Check(request)).Field);
    }

    [Fact]
    public void ToFilter_Moments_AreMillisecondsAndTheLowerBoundIsWithinTheList()
    {
        var request = new Wire.ListTasksRequest { CreatedAfter = "1970-01-01T00:00:01.0005Z", CreatedBefore = "1970-01-01T01:00:02+01:00" };
        request.States.Add([Wire.TaskState.Failed, Wire.TaskState.Failed]);
        Assert.Empty(ListRules.Check(request));
        var filter = ListRules.ToFilter(request, "anna");
        Assert.Equal((1001L, 2000L), (filter.FromMs, filter.BeforeMs));
        Assert.Equal([TaskState.Failed], filter.States);
    }
}
