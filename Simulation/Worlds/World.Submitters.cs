using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>Submitters: more and less work by turns, bursts, cancels at any moment and just as the program ends.</summary>
internal sealed partial class World
{
    private double[] _userSums = [];
    private double[] _shapeSums = [];
    private double[] _prioritySums = [];
    /// <summary>Ticks between submits at a load of 1.</summary>
    private double _betweenSubmits;
    private int _submitted;

    private static readonly TaskPriority[] Bands = [TaskPriority.Low, TaskPriority.Normal, TaskPriority.High, TaskPriority.Urgent];

    private void PrepareLoad()
    {
        _userSums = Sums(_plan.Users.Select(user => user.Load));
        _shapeSums = Sums(_plan.Shapes.Select(shape => shape.Weight));
        _prioritySums = Sums(_plan.Priorities);
        // Work a submit brings on average, and what the pool can do, by the resource that is scarcest for it.
        double weights = _shapeSums[^1], scarcest = 0;
        var all = _plan.Nodes.Select(node => Nodes.NodeReservations.TotalOf(node.Lends)).ToList();
        foreach (var (asked, has) in new (Func<ResourceRequest, double>, double)[]
        {
            (r => r.MilliCores, all.Sum(r => (double)r.MilliCores)), (r => r.MemoryMb, all.Sum(r => (double)r.MemoryMb)), (r => r.Gpus, all.Sum(r => (double)r.Gpus)),
        })
        {
            var brought = _plan.Shapes.Where(shape => shape.Feasible).Sum(shape => shape.Weight * shape.MeanSeconds * asked(shape.Resources)) / weights;
            if (has > 0) scarcest = Math.Max(scarcest, brought / has);
        }
        var perArrival = 1 + _plan.BurstChance * (1 + _plan.BurstMost) / 2;
        _betweenSubmits = Math.Max(scarcest, 1e-6) * Ticks.Second * perArrival;
    }

    private static double[] Sums(IEnumerable<double> weights)
    {
        var sum = 0.0;
        return [.. weights.Select(weight => sum += weight)];
    }

    /// <summary>User -1: somebody, and the next submit is on its way.</summary>
    private void Submit(int user, int shape)
    {
        if (_env.IsEnding || (_plan.Tasks > 0 && _submitted == _plan.Tasks)) return;
        if (user < 0)
        {
            var load = (_time.Ticks / _plan.LoadTurn & 1) == 0 ? _plan.LoadHigh : _plan.LoadLow;
            _time.Later(1 + _work.Exponential(_betweenSubmits / load), EventKind.Submit, -1);
            user = _work.Weighted(_userSums);
            shape = _work.Weighted(_shapeSums);
            if (_work.Chance(_plan.BurstChance))
                for (var more = _work.Between(1, _plan.BurstMost); more > 0; more--) _time.Later(0, EventKind.Submit, user, shape);
        }
        if (_pool.Open.Count < _plan.MostOpen) New(user, _plan.Shapes[shape]);
    }

    private void New(int user, TaskShape shape)
    {
        var run = Math.Clamp(_work.Exponential(shape.MeanSeconds * Ticks.Second), Ticks.Millisecond, Ticks.Seconds(6 * shape.MeanSeconds));
        var spec = new TaskSpec
        {
            UserId = _plan.Users[user].Id, TaskType = shape.Type, Payload = BlobRef.Empty, Resources = shape.Resources, Labels = shape.Labels,
            Priority = Bands[_work.Weighted(_prioritySums)], RunTimeout = TimeSpan.FromTicks(Ticks.Seconds(shape.MeanSeconds * shape.TimeoutFactor)),
            Role = _plan.Users[user].Role, Retry = _work.Chance(_plan.RetryShare) ? Retries() : RetrySpec.Default,
            QueueDeadline = _work.Chance(_plan.DeadlineShare) ? TimeSpan.FromTicks(Ticks.Seconds(_work.Between(1, 60.0))) : TimeSpan.Zero,
            TotalTimeout = _work.Chance(_plan.DeadlineShare) ? TimeSpan.FromTicks(Ticks.Seconds(_work.Between(1, 4) * shape.MeanSeconds * shape.TimeoutFactor + 5)) : TimeSpan.Zero,
        };
        if (_plan.LongestLease > 0 && (_submitted & 3) == 0) spec = spec with { Lease = TimeSpan.FromTicks(_plan.LongestLease / (1 + (_submitted >> 2) % 4)) };
        var number = _submitted++;
        var task = new SimTask(number, user, shape, spec, TaskLifecycle.Birth(spec, _time.Now).ToPending($"t{number:D9}"))
        {
            RunTicks = run, Ends = _work.Chance(_plan.FailShare) ? Causes.ProgramFailed : _work.Chance(_plan.WorkerFaultShare) ? Causes.WorkerFault : Causes.Completed,
            WaitsSince = _time.Ticks, OpenPlace = -1,
        };
        _pool.Tasks.Add(task);
        Activate(task);
        Run(task, task.Rules.Submit(spec, oneOfMany: false, mayBeOld: false, new Reply<TaskSnapshot>()), isExclusive: true, refused =>
        {
            if (refused is null && task.Record is null) throw _env.Broken("I1", $"{task.Id} is acknowledged, and is not stored");
        });
        if (_work.Chance(_plan.CancelShare)) _time.Later(_work.Exponential(shape.MeanSeconds * Ticks.Second), EventKind.Cancel, number);
    }

    private RetrySpec Retries() => new()
    {
        ExitCodes = _work.Chance(0.5) ? [1] : [], AnyFailure = _work.Chance(0.3), OnTimeout = _work.Chance(0.5), OnLostNode = _work.Chance(0.7), MaxAttempts = _work.Below(4),
    };

    private void Cancel(SimTask task)
    {
        var reply = new Reply<TaskSnapshot>();
        Run(task, task.Rules.Cancel(reply), isExclusive: true, refused =>
        {
            if (refused is not null) return; // it has ended, or is not born
            task.CancelAcknowledged = true;
            if (task.Record?.State != TaskState.Cancelled) throw _env.Broken("I8", $"the cancel of {task.Id} is acknowledged, and it is stored as {task.Record?.State}");
        }, () =>
        {
            if (_env.IsEnding) _time.Later(Ticks.Second, EventKind.Cancel, task.Number); // its submitter asks again
        });
    }
}
