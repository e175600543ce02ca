using System.Globalization;

namespace HiveMind.Scheduling;

/// <summary>
/// Why a task waits. Never (no node that is connected would take it even if empty) is told from not now, and what holds it back from what
/// goes before it.
/// </summary>
internal sealed class WaitExplainer(PendingQueue queue, PoolPicture pool, Shares shares, RateMeter starts)
{
    /// <summary>Counted exactly up to here, so that the answer costs the same however many wait.</summary>
    public const int CountedAhead = 1000;

    public TaskExplanation Explain(string taskId, DateTimeOffset now)
    {
        if (queue.Find(taskId) is not { } queued)
            return new(WaitKind.None, WaitReasons.Unknown, "The scheduler is not waiting with this task: it has just ended, or the hub has just started.");
        if (queued.Place == QueuePlace.Offered)
            return new(WaitKind.Starting, WaitReasons.Starting, "A node was found for it and is taking it now.");
        if (queued.IsExpired) return new(WaitKind.Held, WaitReasons.Expired, "Its time to start is over: it is being ended.");
        return Infeasible(queued) ?? Held(queued) ?? Waiting(queued, now);
    }

    // ------------------------------------------------------------ never

    private TaskExplanation? Infeasible(QueuedTask queued)
    {
        var (account, shape) = (queued.Lane.Account, queued.Lane.Shape);
        if (pool.IsFeasible(shape, account)) return null;
        var connected = pool.Connected.Select(slot => slot.View!).OrderBy(node => node.NodeId, StringComparer.Ordinal).ToList();
        var (reason, text) = Why(account, shape, connected);
        var told = new TaskExplanation(WaitKind.Infeasible, reason, text);
        if (connected.Count == 0) return told;
        // One that does not run the type at all is far from it, whatever else it has.
        var nearest = connected.Select(node => (Node: node, Lacks: NodeFit.Lacks(node, shape, account)))
            .MinBy(found => (NodeFit.RunsType(found.Node, shape) ? 0 : 1, found.Lacks.Count));
        return told with { NearestNode = nearest.Node.NodeId, Lacks = nearest.Lacks };
    }

    /// <summary>Narrows the nodes down by what they take at all, type, owner, labels, GPU and size, and names the step that leaves none.</summary>
    private static (string Reason, string Text) Why(Account account, Shape shape, List<NodeView> connected)
    {
        if (connected.Count == 0) return (WaitReasons.NoNodes, "No node is connected that takes work. Start one with `hivemind worker`.");
        var taking = connected.Where(node => node.CanTakeWork).ToList();
        if (taking.Count == 0)
        {
            return connected.FirstOrDefault(node => node.Cordoned.Length > 0) is { } cordoned
                ? (WaitReasons.NodesCordoned, $"No connected node takes new work; '{cordoned.NodeId}' is cordoned: {cordoned.Cordoned}")
                : (WaitReasons.NoNodes, "Every connected node is leaving and takes no new work. Start one with `hivemind worker`.");
        }
        var ofType = taking.Where(node => NodeFit.RunsType(node, shape)).ToList();
        if (ofType.Count == 0)
            return (WaitReasons.InfeasibleType, $"No connected node runs tasks of type '{shape.Key.TaskType}'; they run {Types(taking)}.");
        var serving = ofType.Where(node => NodeFit.ServesUser(node, account)).ToList();
        if (serving.Count == 0)
            return (WaitReasons.InfeasibleOwner,
                $"Every connected node that runs '{shape.Key.TaskType}' takes only its owner's tasks. Lend one of your own, or wait for one.");
        var labelled = serving.Where(node => shape.Labels.Matches(node.Labels)).ToList();
        if (labelled.Count == 0)
            return (WaitReasons.InfeasibleLabels, $"No connected node that may run it has the labels it asks for: {shape.Labels}.");
        var withGpu = labelled.Where(node => node.Total.Gpus >= shape.Request.Gpus).ToList();
        if (withGpu.Count == 0)
        {
            var most = labelled.Max(node => node.Total.Gpus);
            return (WaitReasons.InfeasibleGpu, most == 0
                ? "It needs a GPU and no connected node that may run it has one."
                : $"It needs {shape.Request.Gpus} GPUs and the most on one connected node is {most}.");
        }
        return (WaitReasons.InfeasibleSize, TooBig(shape.Request, withGpu));
    }

    private static string TooBig(ResourceVector asked, List<NodeView> nodes)
    {
        var largest = asked.MilliCores > nodes.Max(node => node.Total.MilliCores)
            ? nodes.OrderByDescending(node => node.Total.MilliCores).ThenByDescending(node => node.Total.MemoryMb).First()
            : nodes.OrderByDescending(node => node.Total.MemoryMb).ThenByDescending(node => node.Total.MilliCores).First();
        var has = ResourceVector.Of(largest.Total);
        // A disk that is not limited would be a number nobody knows.
        if (asked.DiskMb == 0 || asked.DiskMb <= has.DiskMb) (asked, has) = (WithoutDisk(asked), WithoutDisk(has));
        return $"It asks for {NodeFit.Size(asked)}; the largest connected node that may run it, '{largest.NodeId}', has {NodeFit.Size(has)}.";
    }

    private static ResourceVector WithoutDisk(ResourceVector size) => ResourceVector.Of(size.MilliCores, size.MemoryMb, size.Gpus);

    // ------------------------------------------------------------ held

    private static TaskExplanation? Held(QueuedTask queued)
    {
        var account = queued.Lane.Account;
        if (queued.Place == QueuePlace.Held)
        {
            var until = new DateTimeOffset(queued.HeldUntil, TimeSpan.Zero);
            if (queued.LacksCredit)
                return new(WaitKind.Held, WaitReasons.HeldCredits,
                    $"Its account's balance does not cover any more what its open tasks may cost: earn credits or cancel some of them; it is tried again at {Clock(until)} UTC.") { HeldUntil = until };
            return new(WaitKind.Held, WaitReasons.HeldBackoff, $"An earlier try did not work out; it is tried again at {Clock(until)} UTC.") { HeldUntil = until };
        }
        if (account.IsFull)
            return new(WaitKind.Held, WaitReasons.HeldRunning,
                $"{account.Running} tasks of this account run, which is all that its role may run at once; it goes on when one of them ends.");
        if (!account.MayHold(queued.Request))
            return new(WaitKind.Held, WaitReasons.HeldCores, string.Create(CultureInfo.InvariantCulture,
                $"This account's tasks hold {account.MilliCores / 1000m:0.###} of the {account.Quota.MaxCores:0.###} cores that its role may hold; it goes on when some of them end."));
        return null;
    }

    // ------------------------------------------------------------ waiting

    private TaskExplanation Waiting(QueuedTask queued, DateTimeOffset now)
    {
        var account = queued.Lane.Account;
        var own = account.CountBefore(queued.Key, CountedAhead);
        var accounts = AccountsBefore(account);
        var (expected, basis) = Expect(queued, own, now);
        var told = new TaskExplanation(WaitKind.Waiting, WaitReasons.WaitingCapacity, $"It waits for room on the nodes that can run it; {Ahead(own, accounts)}.")
        {
            OwnAhead = own, AccountsAhead = accounts, ExpectedStart = expected, Basis = basis,
        };
        if (queued.Lane is { Reservation: { } kept } lane && lane.First == queued)
        {
            var by = By(kept);
            return told with
            {
                Reason = WaitReasons.WaitingReservation,
                Text = $"Node '{kept.Node.NodeId}' is being kept for it" + (by is null ? "." : $": it has room at {Clock(by.Value)} UTC at the latest."),
                ReservedNode = kept.Node.NodeId, ReservedFor = queued.TaskId, ReservedBy = by,
            };
        }
        if (Elsewhere(queued, told) is { } elsewhere) return elsewhere;
        if (Shut(queued, told) is { } shut) return shut;
        var others = pool.Reservations.FirstOrDefault(other => PoolPicture.IsFeasible(other.Node, queued.Lane.Shape, account) && queued.Request.FitsIn(other.Node.Free));
        if (others is null) return told;
        return told with
        {
            Text = $"{told.Text} Node '{others.Node.NodeId}' has room, but it is being kept for a larger task that was here first.",
            ReservedNode = others.Node.NodeId, ReservedBy = By(others), ReservedFor = others.Lane.Account == account ? others.Lane.First.TaskId : "",
        };
    }

    /// <summary>It failed somewhere, and another node could run it if that had room.</summary>
    private TaskExplanation? Elsewhere(QueuedTask queued, TaskExplanation told)
    {
        var (account, shape) = (queued.Lane.Account, queued.Lane.Shape);
        if (queue.ElsewhereUntil(queued) is not { } until || !pool.IsFeasibleElsewhere(shape, account)) return null;
        var nodes = string.Join(", ", shape.LeftOut.Select(node => $"'{node}'"));
        return told with
        {
            Reason = WaitReasons.WaitingElsewhere,
            Text = $"It failed on {nodes}, so it waits for room on another node that can run it, until {Clock(new(until, TimeSpan.Zero))} UTC at the latest; from then on any will do.",
        };
    }

    /// <summary>Where there is room, it is a new machine's that has to show first what it does with the tasks that it has.</summary>
    private TaskExplanation? Shut(QueuedTask queued, TaskExplanation told)
    {
        var (account, shape) = (queued.Lane.Account, queued.Lane.Shape);
        var shut = pool.Nodes.Where(slot => slot.ShutBut is not null && slot.IsShutTo(account) && queued.Request.FitsIn(slot.Free) && PoolPicture.IsFeasible(slot, shape, account))
            .MinBy(slot => slot.NodeId, StringComparer.Ordinal);
        return shut is null ? null : told with
        {
            Reason = WaitReasons.WaitingSlowStart,
            Text = $"{told.Text} Node '{shut.NodeId}' has room, but it is new and holds as many tasks of others as it may until some of them succeed.",
        };
    }

    /// <summary>From the rate at which this account's tasks started lately; else from the pool's, shared among those who wait.</summary>
    private (DateTimeOffset? Expected, string Basis) Expect(QueuedTask queued, int own, DateTimeOffset now)
    {
        if (queued.Lane is { Reservation: { } kept } lane && lane.First == queued && By(kept) is { } by)
            return (by, "The run timeouts of what runs on the node that is kept for it; most runs end before.");
        if (own >= CountedAhead) return (null, $"{CountedAhead} of your tasks or more go before it: too many to tell.");
        var ticks = now.UtcTicks;
        var meter = queued.Lane.Account.Starts;
        if (meter.IsTelling(ticks))
            return (now + TimeSpan.FromSeconds((own + 1) / meter.Rate(ticks)), $"Your tasks started at {PerMinute(meter.Rate(ticks))} a minute lately.");
        if (!starts.IsTelling(ticks)) return (null, "No task has started lately to tell it from.");
        var share = starts.Rate(ticks) / Math.Max(1, shares.Ranking.Count);
        return (now + TimeSpan.FromSeconds((own + 1) / share),
            $"The pool started {PerMinute(starts.Rate(ticks))} tasks a minute lately, for {Math.Max(1, shares.Ranking.Count)} accounts that wait.");
    }

    private int AccountsBefore(Account account)
    {
        if (!account.IsRanked) return 0;
        var (before, place) = (0, shares.Ranking.PlaceOf(account));
        for (var i = 0; i < place && before < CountedAhead; i++)
            if (HasFeasible(shares.Ranking[i])) before++;
        return before;
    }

    private bool HasFeasible(Account account)
    {
        for (var i = 0; i < account.Ready.Count; i++)
            if (pool.IsFeasible(account.Ready[i].Shape, account)) return true;
        return false;
    }

    private static string Ahead(int own, int accounts)
    {
        var mine = own switch
        {
            0 => "it is the next of this account's tasks",
            1 => "1 task of the same account goes before it",
            CountedAhead => $"{CountedAhead} tasks of the same account or more go before it",
            _ => $"{own} tasks of the same account go before it",
        };
        return accounts switch
        {
            0 => mine,
            1 => $"{mine}, and 1 other account has used less of its share and is served first",
            _ => $"{mine}, and {accounts} other accounts have used less of their share and are served first",
        };
    }

    private static DateTimeOffset? By(Reservation kept) => kept.By == long.MaxValue ? null : new DateTimeOffset(kept.By, TimeSpan.Zero);

    private static string Clock(DateTimeOffset moment) => moment.UtcDateTime.ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    private static string PerMinute(double perSecond) => (perSecond * 60).ToString("0.##", CultureInfo.InvariantCulture);

    private static string Types(IEnumerable<NodeView> nodes)
    {
        var types = nodes.SelectMany(node => node.TaskTypes).Distinct().Order(StringComparer.Ordinal).ToList();
        return types.Count == 0 ? "none" : string.Join(", ", types.Select(type => $"'{type}'"));
    }
}
