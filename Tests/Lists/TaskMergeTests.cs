using CsCheck;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.Lists;

/// <summary>
/// Two sources that change between and within pages: tasks are submitted (into the state store), settled (into the database, then out of the
/// state store), and read in the product's order. Whatever happens when, no task comes twice and none that was there is left out.
/// </summary>
public sealed class TaskMergeTests
{
    private static readonly Gen<(int Kind, int A)[]> Steps = Gen.Select(Gen.Int[0, 9], Gen.Int[0, 9999]).Array[0, 60];

    [Fact]
    public void Pages_AnyInterleavingOfSubmitAndSettle_NoDuplicateAndNoGap() =>
        Gen.Select(Gen.Int[0, 40], Gen.Int[1, 7], Gen.Int[1, 9], Gen.Bool, Steps).Sample((tasks, size, stretch, filtered, steps) =>
        {
            var world = new World(stretch, filtered);
            for (var i = 0; i < tasks; i++) world.Submit(i * 7);
            for (var i = 0; i < tasks; i++)
                if (i % 3 != 0) world.Settle(i * 5);
            var before = world.Shown.ToHashSet();
            var events = new Queue<(int, int)>(steps);
            var seen = new List<TaskKey>();
            TaskKey? below = null;
            var pages = 0;
            do
            {
                Happen(world, events, 2);
                var open = world.Open(below, size + 1);
                Happen(world, events, 2); // between the two reads, too
                var history = world.History(below, size + 1);
                var (page, next) = TaskMerge.Page(open, history, size);
                Assert.True(page.Count <= size);
                Assert.True(next is not { } to || below is not { } from || to.IsBelow(from), "no progress");
                seen.AddRange(page.Select(task => task.Key));
                below = next;
                Assert.True(++pages < 1000, "the list has no end");
            }
            while (below is not null);

            Assert.Equal(seen.Count, seen.Distinct().Count());
            Assert.Equal(seen.Order(TaskKey.NewestFirst), seen);
            Assert.Empty(before.Except(seen));
        }, iter: 3000);

    [Fact]
    public void Page_InBoth_IsShownOnceAsTheHistorySays()
    {
        var open = new TaskWindow([Task(5, "a", TaskState.Running)], null);
        var history = new TaskWindow([Task(5, "a", TaskState.Completed)], null);
        var (page, next) = TaskMerge.Page(open, history, 10);
        Assert.Equal(TaskState.Completed, Assert.Single(page).State);
        Assert.Null(next);
    }

    [Fact]
    public void Page_OneSourceLookedLessFar_EndsWhereItEnded()
    {
        var open = new TaskWindow([Task(9, "a", TaskState.Running), Task(1, "b", TaskState.Running)], null);
        var history = new TaskWindow([], new TaskKey(5, "x"));
        var (page, next) = TaskMerge.Page(open, history, 10);
        Assert.Equal("a", Assert.Single(page).Key.TaskId);
        Assert.Equal(new TaskKey(5, "x"), next);
    }

    [Fact]
    public void NewestFirst_SameMillisecond_IdsBreakTheTie()
    {
        TaskKey[] keys = [new(1, "b"), new(2, "a"), new(1, "a"), new(1, "c")];
        Assert.Equal([new(2, "a"), new(1, "c"), new(1, "b"), new(1, "a")], keys.Order(TaskKey.NewestFirst));
        Assert.True(new TaskKey(1, "a").IsBelow(new(1, "b")));
        Assert.False(new TaskKey(1, "a").IsBelow(new(1, "a")));
    }

    private static void Happen(World world, Queue<(int, int)> events, int most)
    {
        for (var i = 0; i < most && events.TryDequeue(out var step); i++)
        {
            if (step.Item1 < 4) world.Submit(step.Item2);
            else world.Settle(step.Item2);
        }
    }

    private static ListedTask Task(long ms, string id, TaskState state) => new()
    {
        Key = new(ms, id), UserId = "anna", TaskType = "python", State = state,
    };

    private sealed class World(int stretch, bool filtered)
    {
        private readonly SortedSet<TaskKey> _open = new(TaskKey.NewestFirst), _ended = new(TaskKey.NewestFirst);
        private readonly List<TaskKey> _order = [];
        private long _now = 1000;

        public IEnumerable<TaskKey> Shown => _open.Concat(_ended).Where(IsShown);

        /// <summary>Several share a millisecond.</summary>
        public void Submit(int chance)
        {
            _now += chance % 3 == 0 ? 1 : 0;
            var key = new TaskKey(_now, $"{chance % 100:00}{_order.Count:0000}");
            _order.Add(key);
            _open.Add(key);
        }

        /// <summary>Into the database first; sometimes the way out of the state store comes later, with the next one.</summary>
        public void Settle(int chance)
        {
            _open.ExceptWith(_ended);
            if (_open.Count == 0) return;
            var key = _open.ElementAt(chance % _open.Count);
            _ended.Add(key);
            if (chance % 2 == 0) _open.Remove(key);
        }

        public TaskWindow Open(TaskKey? below, int most) => Window(_open, below, most, TaskState.Running);

        public TaskWindow History(TaskKey? below, int most) => Window(_ended, below, most, TaskState.Completed);

        private bool IsShown(TaskKey key) => !filtered || key.TaskId[1] % 3 == 0;

        /// <summary>Looks at no more than a stretch, as both sources do where a filter shows little.</summary>
        private TaskWindow Window(SortedSet<TaskKey> source, TaskKey? below, int most, TaskState state)
        {
            var scanned = source.Where(key => below is not { } at || key.IsBelow(at)).Take(filtered ? stretch : most).ToList();
            var items = scanned.Where(IsShown).Take(most).ToList();
            TaskKey? end = items.Count == most ? items[^1] : filtered && scanned.Count == stretch ? scanned[^1] : null;
            return new([.. items.Select(key => Task(key.CreatedMs, key.TaskId, state))], end);
        }
    }
}
