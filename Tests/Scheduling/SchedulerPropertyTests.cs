using CsCheck;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using static HiveMind.Tests.Scheduling.CoreTalk;

namespace HiveMind.Tests.Scheduling;

/// <summary>
/// Random histories beside a plain model: one list of all that waits, searched from the start for every placement. Whatever happened
/// before, the core must propose what the model does; so nothing is oversubscribed, left out, overtaken or offered twice.
/// </summary>
public sealed class SchedulerPropertyTests
{
    private static readonly Gen<(int Kind, int A, int B)[]> Histories =
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 9999], Gen.Int[0, 9999]).Array[1, 80];

    [Fact]
    public void Propose_AnyHistory_EqualsTheFullScan() => Histories.Sample(history => new Model().Play(history), iter: 10_000);

    private sealed class Model
    {
        private readonly SchedulerCore _core = NewCore();
        private readonly BalancedSpreadPolicy _policy = new();
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
                b % 5 == 0 ? _now.AddMilliseconds(b) : _now);
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
            var expected = new List<string>();
            var inOrder = _waiting.Values.Where(it => it.Until <= _now).Select(it => it.Task)
                .Order(Comparer<PendingTask>.Create(QueueOrder.Compare));
            foreach (var task in inOrder.ToList())
            {
                if (expected.Count >= maxTasks) break;
                var best = free
                    .Where(node => node.Value is { MilliCores: > 0, MemoryMb: > 0 })
                    .Where(node => task.Resources.Fits(node.Value) && _views[node.Key].IsFeasible(task))
                    .OrderByDescending(node => _policy.Score(_views[node.Key], node.Value, task.Resources))
                    .ThenBy(node => node.Key, StringComparer.Ordinal)
                    .Select(node => node.Key).FirstOrDefault();
                if (best is null) continue;
                free[best] = free[best].Minus(task.Resources);
                expected.Add($"{task.TaskId}@{best}");
            }

            var offers = _core.Propose(_now, maxTasks);
            var proposed = offers.SelectMany(offer => offer.Tasks.Select(task => $"{task.TaskId}@{offer.NodeId}"));
            Assert.Equal(
                string.Join(' ', expected.Order(StringComparer.Ordinal)), string.Join(' ', proposed.Order(StringComparer.Ordinal)));
            foreach (var offer in offers)
            {
                var asked = offer.Tasks.Select(task => task.Resources).Aggregate(ResourceMath.Plus);
                Assert.True(asked.Fits(_views[offer.NodeId].Free), "oversubscribed");
                Assert.True(_onTheirWay.TryAdd(offer.NodeId, [.. offer.Tasks]), "two offers to one node");
                foreach (var task in offer.Tasks) Assert.True(_waiting.Remove(task.TaskId), "offered without waiting");
            }
            Assert.Equal(_waiting.Count + _onTheirWay.Values.Sum(tasks => tasks.Count), _core.Counts.Pending);
        }
    }
}
