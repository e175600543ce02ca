using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>Submitters: more and less work by turns, bursts, cancels at any moment and just as the program ends.</summary>
internal sealed class Submitters
{
    private static readonly TaskPriority[] Bands = [TaskPriority.Low, TaskPriority.Normal, TaskPriority.High, TaskPriority.Urgent];

    private readonly SimEnvironment _env;
    private readonly CommandCarrier _carrier;
    private readonly SimPool _pool;
    private readonly TaskHost _tasks;
    private readonly double[] _userSums, _shapeSums, _prioritySums;
    /// <summary>Ticks between submits at a load of 1.</summary>
    private readonly double _betweenSubmits;
    private int _submitted;

    public Submitters(SimEnvironment env, CommandCarrier carrier, SimPool pool, TaskHost tasks)
    {
        (_env, _carrier, _pool, _tasks) = (env, carrier, pool, tasks);
        _userSums = Sums(env.Plan.Users.Select(user => user.Load));
        _shapeSums = Sums(env.Plan.Shapes.Select(shape => shape.Weight));
        _prioritySums = Sums(env.Plan.Priorities);
        // Work a submit brings on average, and what the pool can do, by the resource that is scarcest for it.
        double weights = _shapeSums[^1], scarcest = 0;
        var all = env.Plan.Nodes.Select(node => Nodes.NodeReservations.TotalOf(node.Lends)).ToList();
        foreach (var (asked, has) in new (Func<ResourceRequest, double>, double)[]
        {
            (r => r.MilliCores, all.Sum(r => (double)r.MilliCores)), (r => r.MemoryMb, all.Sum(r => (double)r.MemoryMb)), (r => r.Gpus, all.Sum(r => (double)r.Gpus)),
        })
        {
            var brought = env.Plan.Shapes.Where(shape => shape.Feasible).Sum(shape => shape.Weight * shape.MeanSeconds * asked(shape.Resources)) / weights;
            if (has > 0) scarcest = Math.Max(scarcest, brought / has);
        }
        var perArrival = 1 + env.Plan.BurstChance * (1 + env.Plan.BurstMost) / 2;
        _betweenSubmits = Math.Max(scarcest, 1e-6) * Ticks.Second * perArrival;
    }

    /// <summary>All that the plan asks for has been submitted.</summary>
    public bool HasAll => _env.Plan.Tasks > 0 && _submitted == _env.Plan.Tasks;

    public void Begin() => _env.Time.Later(2 * Ticks.Second, EventKind.Submit, -1);

    public void Handle(in SimEvent what)
    {
        if (what.Kind == EventKind.Submit) Submit(what.A, what.B);
        else Cancel(_pool.Tasks[what.A]);
    }

    private static double[] Sums(IEnumerable<double> weights)
    {
        var sum = 0.0;
        return [.. weights.Select(weight => sum += weight)];
    }

    /// <summary>User -1: somebody, and the next submit is on its way.</summary>
    private void Submit(int user, int shape)
    {
        if (_env.IsEnding || HasAll) return;
        if (user < 0)
        {
            var load = (_env.Time.Ticks / _env.Plan.LoadTurn & 1) == 0 ? _env.Plan.LoadHigh : _env.Plan.LoadLow;
            _env.Time.Later(1 + _env.Work.Exponential(_betweenSubmits / load), EventKind.Submit, -1);
            user = _env.Work.Weighted(_userSums);
            shape = _env.Work.Weighted(_shapeSums);
            if (_env.Work.Chance(_env.Plan.BurstChance))
                for (var more = _env.Work.Between(1, _env.Plan.BurstMost); more > 0; more--) _env.Time.Later(0, EventKind.Submit, user, shape);
        }
        if (_pool.Open.Length < _env.Plan.MostOpen) New(user, _env.Plan.Shapes[shape]);
    }

    private void New(int user, TaskShape shape)
    {
        var run = Math.Clamp(_env.Work.Exponential(shape.MeanSeconds * Ticks.Second), Ticks.Millisecond, Ticks.Seconds(6 * shape.MeanSeconds));
        var spec = new TaskSpec
        {
            UserId = _env.Plan.Users[user].Id, TaskType = shape.Type, Payload = BlobRef.Empty, Resources = shape.Resources, Labels = shape.Labels,
            Priority = Bands[_env.Work.Weighted(_prioritySums)], RunTimeout = TimeSpan.FromTicks(Ticks.Seconds(shape.MeanSeconds * shape.TimeoutFactor)),
            Role = _env.Plan.Users[user].Role, Retry = _env.Work.Chance(_env.Plan.RetryShare) ? Retries() : RetrySpec.Default,
            QueueDeadline = _env.Work.Chance(_env.Plan.DeadlineShare) ? TimeSpan.FromTicks(Ticks.Seconds(_env.Work.Between(1, 60.0))) : TimeSpan.Zero,
            TotalTimeout = _env.Work.Chance(_env.Plan.DeadlineShare) ? TimeSpan.FromTicks(Ticks.Seconds(_env.Work.Between(1, 4) * shape.MeanSeconds * shape.TimeoutFactor + 5)) : TimeSpan.Zero,
        };
        if (_env.Plan.LongestLease > 0 && (_submitted & 3) == 0) spec = spec with { Lease = TimeSpan.FromTicks(_env.Plan.LongestLease / (1 + (_submitted >> 2) % 4)) };
        var number = _submitted++;
        var task = new SimTask(number, user, shape, spec, TaskLifecycle.Birth(spec, _env.Time.Now).ToPending($"t{number:D9}"))
        {
            Handler = _tasks, RunTicks = run, Ends = _env.Work.Chance(_env.Plan.FailShare) ? Causes.ProgramFailed : _env.Work.Chance(_env.Plan.WorkerFaultShare) ? Causes.WorkerFault : Causes.Completed,
            WaitsSince = _env.Time.Ticks, OpenPlace = -1,
        };
        _pool.Tasks.Add(task);
        _tasks.Activate(task);
        _carrier.Run(task, task.Rules.Submit(spec, oneOfMany: false, mayBeOld: false, new Reply<TaskSnapshot>()), isExclusive: true, refused =>
        {
            if (refused is null && task.Record is null) throw _env.Broken("I1", $"{task.Id} is acknowledged, and is not stored");
        });
        if (_env.Work.Chance(_env.Plan.CancelShare)) _env.Time.Later(_env.Work.Exponential(shape.MeanSeconds * Ticks.Second), EventKind.Cancel, number);
    }

    private RetrySpec Retries() => new()
    {
        ExitCodes = _env.Work.Chance(0.5) ? [1] : [], AnyFailure = _env.Work.Chance(0.3), OnTimeout = _env.Work.Chance(0.5), OnLostNode = _env.Work.Chance(0.7), MaxAttempts = _env.Work.Below(4),
    };

    private void Cancel(SimTask task)
    {
        var reply = new Reply<TaskSnapshot>();
        _carrier.Run(task, task.Rules.Cancel(reply), isExclusive: true, refused =>
        {
            if (refused is not null) return; // it has ended, or is not born
            task.CancelAcknowledged = true;
            if (task.Record?.State != TaskState.Cancelled) throw _env.Broken("I8", $"the cancel of {task.Id} is acknowledged, and it is stored as {task.Record?.State}");
        }, () =>
        {
            if (_env.IsEnding) _env.Time.Later(Ticks.Second, EventKind.Cancel, task.Number); // its submitter asks again
        });
    }
}
