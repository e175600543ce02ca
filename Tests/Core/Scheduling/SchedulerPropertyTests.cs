using CsCheck;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using static HiveMind.Tests.Scheduling.CoreTalk;

namespace HiveMind.Tests.Scheduling;

/// <summary>
/// Random histories. Whatever happened before, what the core proposes must be right by a search through everything: nothing oversubscribed, offered
/// twice, left out though it fits, or overtaken by what had no right to.
/// </summary>
public sealed class SchedulerPropertyTests
{
    private static readonly Gen<(int Kind, int A, int B)[]> Histories =
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 9999], Gen.Int[0, 9999]).Array[1, 80];

    [Fact]
    public void Propose_AnyHistory_IsRightByAFullScan() => Histories.Sample(history => new Model().Play(history), iter: 10_000);

    private sealed class Model
    {
        private readonly SchedulerCore _core = NewCore();
        private readonly Dictionary<string, (PendingTask Task, DateTimeOffset Until)> _waiting = [];
        private readonly Dictionary<string, NodeView> _views = [];
        private readonly Dictionary<string, List<PendingTask>> _onTheirWay = [];
        private DateTimeOffset _now = TaskBuilder.Epoch;
        private long _version;

        public bool Play((int Kind, int A, int B)[] history)
        {
            foreach (var (kind, a, b) in history)
            {
                switch (kind)
                {
                    case 0 or 1 or 2: Submit(a, b); break;
                    case 3: Remove(a); break;
                    case 4 or 5: Change(a, b); break;
                    case 6: Lose(a); break;
                    case 7: Answer(a, b); break;
                    case 8: _now = _now.AddMilliseconds(a); break;
                    default: Propose(a % 3 == 0 ? a % 4 : int.MaxValue); break;
                }
            }
            Propose(int.MaxValue);
            return true;
        }

        private static string Name(int i) => $"t{i % 40:00}";

        private void Submit(int a, int b)
        {
            if (_onTheirWay.Values.Any(tasks => tasks.Any(task => task.TaskId == Name(a)))) return;
            var task = new PendingTask(
                Name(a), b % 2 == 0 ? "anna" : "bob", b % 7 == 0 ? "docker" : "python", (TaskPriority)(b % 4),
                new ResourceRequest(1000 * (1 + b % 3), 512, b % 11 == 0 ? 1 : 0), TaskBuilder.Epoch.AddSeconds(a % 5),
                b % 5 == 0 ? _now.AddMilliseconds(b) : _now) { RunTimeout = TimeSpan.FromSeconds(b % 6 * 10) };
            _core.Enqueue(task, _now);
            if (_waiting.TryGetValue(task.TaskId, out var known) && known.Task == task) return; // repeated: changes nothing
            _waiting[task.TaskId] = (task, task.NotBefore);
        }

        private void Remove(int a)
        {
            if (!_waiting.Remove(Name(a))) return;
            _core.Remove(Name(a));
        }

        private void Change(int a, int b)
        {
            var id = $"n{a % 4}";
            var view = new NodeView(
                id, b % 2 == 0 ? "anna" : "bob", b % 3 != 0, b % 5 == 0 ? ["python", "docker"] : ["python"],
                new(4000, 4096, b % 7 == 0 ? 1 : 0), new(a % 4001, b % 4097, b % 7 == 0 ? 1 : 0),
                b % 13 != 0, b % 17 == 0 ? _version - 3 : ++_version);
            _core.NodeChanged(view, _now);
            if (!_views.TryGetValue(id, out var known) || known.Version < view.Version) _views[id] = view;
        }

        private void Lose(int a)
        {
            var id = $"n{a % 4}";
            if (_onTheirWay.ContainsKey(id)) return; // covered by an example of its own
            _core.NodeGone(id, _now);
            _views.Remove(id);
        }

        private void Answer(int a, int b)
        {
            if (_onTheirWay.Count == 0) return;
            var (id, tasks) = _onTheirWay.ElementAt(a % _onTheirWay.Count);
            _onTheirWay.Remove(id);
            if (b % 5 == 0)
            {
                _core.OfferFailed(id, _now);
                _views.Remove(id);
                foreach (var task in tasks) _waiting[task.TaskId] = (task, _now + SchedulerCore.TryAgainAfter);
                return;
            }
            var after = _views[id] with { Free = new(b % 4001, 4096, 1), Version = ++_version };
            _views[id] = after;
            var answers = tasks.Select((task, i) => new OfferAnswer(task.TaskId, (OfferAnswerKind)((a + i) % 4))).ToList();
            _core.OfferAnswered(id, new OfferResult(answers, after), _now);
            foreach (var (task, answer) in tasks.Zip(answers))
            {
                if (answer.Kind is OfferAnswerKind.Granted or OfferAnswerKind.NotPending) continue;
                var rests = answer.Kind == OfferAnswerKind.TryAgain || task.Resources.Fits(after.Free);
                _waiting[task.TaskId] = (task, rests ? _now + SchedulerCore.TryAgainAfter : _now);
            }
        }

        private void Propose(int maxTasks)
        {
            var free = _views.Where(node => !_onTheirWay.ContainsKey(node.Key)).ToDictionary(node => node.Key, node => node.Value.Free);
            var ranks = _core.Shares.All.ToDictionary(account => account.UserId, account => account.Rank);
            var kept = Kept();
            var offers = _core.Propose(_now, maxTasks);
            var placed = offers.SelectMany(offer => offer.Tasks.Select(task => (Task: task, Node: offer.NodeId))).ToList();
            foreach (var offer in offers)
            {
                var asked = offer.Tasks.Select(task => task.Resources).Aggregate(ResourceMath.Plus);
                Assert.True(asked.Fits(free[offer.NodeId]), "oversubscribed");
                free[offer.NodeId] = free[offer.NodeId].Minus(asked);
                Assert.True(_onTheirWay.TryAdd(offer.NodeId, [.. offer.Tasks]), "two offers to one node");
                foreach (var task in offer.Tasks)
                {
                    Assert.True(_waiting.Remove(task.TaskId, out var known) && known.Until <= _now, "offered without waiting");
                    Assert.True(IsFeasible(_views[offer.NodeId], task), "offered to a node that would not take it");
                }
            }
            Assert.True(placed.Count <= maxTasks);
            Assert.Equal(_waiting.Count + _onTheirWay.Values.Sum(tasks => tasks.Count), _core.Counts.Pending);
            if (placed.Count < maxTasks) NothingLeftOut(free);
            NothingOvertaken(free, placed, ranks, kept);
        }

        private void NothingLeftOut(Dictionary<string, ResourceRequest> free)
        {
            var kept = Kept();
            foreach (var (id, room) in free.Where(node => node.Value is { MilliCores: > 0, MemoryMb: > 0 } && !_onTheirWay.ContainsKey(node.Key) && !kept.Contains(node.Key)))
                foreach (var (task, until) in _waiting.Values)
                    Assert.False(until <= _now && task.Resources.Fits(room) && IsFeasible(_views[id], task), "left out though it fits");
        }

        /// <summary>Whoever waits and would fit where another was put instead must have come after it, by the account's order or by share.</summary>
        private void NothingOvertaken(
            Dictionary<string, ResourceRequest> free, List<(PendingTask Task, string Node)> placed, Dictionary<string, double> ranks, HashSet<string> kept)
        {
            var now = Kept();
            foreach (var (task, node) in placed.Where(it => !kept.Contains(it.Node) && !now.Contains(it.Node)))
            {
                var room = free[node].Plus(task.Resources);
                foreach (var (other, until) in _waiting.Values)
                {
                    if (until > _now || !other.Resources.Fits(room) || !IsFeasible(_views[node], other)) continue;
                    if (other.UserId == task.UserId) Assert.True(Key(task).CompareTo(Key(other)) <= 0, "overtaken in its own account");
                    else if (placed.All(it => it.Task.UserId != other.UserId) && ranks.TryGetValue(other.UserId, out var theirs))
                        Assert.True(ranks.GetValueOrDefault(task.UserId) <= theirs * 1.000001 + 1e-9, "overtaken by an account that has used more");
                }
            }
        }

        private HashSet<string> Kept() => [.. _core.Reservations.Select(reservation => reservation.Node.NodeId)];

        private static OrderKey Key(PendingTask task) => OrderKey.Of(task, TimeSpan.FromMinutes(10).Ticks);

        private static bool IsFeasible(NodeView node, PendingTask task) =>
            node.CanTakeWork && node.TaskTypes.Contains(task.TaskType) && (node.AcceptsStrangers || node.OwnerId == task.UserId) && task.Resources.Fits(node.Total);
    }
}
