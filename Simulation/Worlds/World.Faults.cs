using HiveMind.Nodes;

namespace HiveMind.Simulation;

/// <summary>What goes wrong: machines die, freeze, lose their line, shrink and leave; grains and the scheduler are lost.</summary>
internal sealed partial class World
{
    private void BeginFaults()
    {
        FaultAgain(EventKind.MachineDies, _plan.Deaths);
        FaultAgain(EventKind.MachineFreezes, _plan.Freezes);
        FaultAgain(EventKind.LinkBreaks, _plan.Cuts);
        FaultAgain(EventKind.MachineResizes, _plan.Resizes);
        FaultAgain(EventKind.NodeLeaves, _plan.Departures);
        FaultAgain(EventKind.NodeCordoned, _plan.Cordons);
        FaultAgain(EventKind.SchedulerDies, _plan.SchedulerDeaths);
        FaultAgain(EventKind.NodeGrainLost, _plan.NodeGrainLosses);
        FaultAgain(EventKind.TaskGrainLost, _plan.TaskGrainLosses);
        FaultAgain(EventKind.HubFreezes, _plan.HubFreezes);
        FaultAgain(EventKind.HubStops, _plan.HubOutages);
    }

    private void FaultAgain(EventKind kind, long mean)
    {
        if (mean > 0 && !_env.IsEnding) _time.Later(1 + _chance.Exponential(mean), kind, -1);
    }

    private void Fault(in SimEvent what)
    {
        if (what.Kind == EventKind.MachineStarts)
        {
            MachineStarts(_pool.Nodes[what.A], what.B);
            return;
        }
        if (what.Kind == EventKind.NodeUnregisters)
        {
            Unregister(_pool.Nodes[what.A]);
            return;
        }
        if (what.Kind == EventKind.HubReturns)
        {
            HubReturns(what.A == 1);
            return;
        }
        if (_env.IsEnding) return;
        if (what.Kind is EventKind.HubFreezes or EventKind.HubStops)
        {
            HubGoes(what.Kind == EventKind.HubStops);
            FaultAgain(what.Kind, what.Kind == EventKind.HubStops ? _plan.HubOutages : _plan.HubFreezes);
            return;
        }
        if (what.Kind == EventKind.SchedulerDies)
        {
            SchedulerDies();
            FaultAgain(what.Kind, _plan.SchedulerDeaths);
            return;
        }
        var node = _pool.Nodes[_chance.Below(_pool.Nodes.Length)];
        switch (what.Kind)
        {
            case EventKind.MachineDies:
                if (node.Machine.Up) Die(node);
                FaultAgain(what.Kind, _plan.Deaths);
                break;
            case EventKind.MachineFreezes:
                if (node.Machine.Up) Freeze(node);
                FaultAgain(what.Kind, _plan.Freezes);
                break;
            case EventKind.LinkBreaks:
                if (node.Machine.Up) Cut(node);
                FaultAgain(what.Kind, _plan.Cuts);
                break;
            case EventKind.MachineResizes:
                if (node.Machine.Up) Resize(node, _chance.Chance(0.5) ? node.Whole : Smaller(node.Whole));
                FaultAgain(what.Kind, _plan.Resizes);
                break;
            case EventKind.NodeLeaves:
                if (node.Machine.Up) Leave(node);
                FaultAgain(what.Kind, _plan.Departures);
                break;
            case EventKind.NodeCordoned:
                if (node.Stored is { Removed: false, Cordoned: "" })
                {
                    Cordon(node, _chance.Chance(0.5) ? -1 : Ticks.Seconds(_chance.Between(0, 10.0)));
                    _time.Later(Ticks.Seconds(_chance.Between(5, 60.0)), EventKind.Uncordon, node.Number);
                }
                FaultAgain(what.Kind, _plan.Cordons);
                break;
            default: throw new InvalidOperationException($"Nobody handles {what.Kind}.");
        }
    }

    /// <summary>
    /// Nothing of the hub happens for a while: SIGSTOP, a machine that sleeps; or all of it is killed and started again. What is sent to it waits, as in
    /// the buffers of its sockets; workers count their leases all the same.
    /// </summary>
    private void HubGoes(bool isKilled)
    {
        if (_hubBackAt > _time.Ticks) return;
        _hubBackAt = _time.Ticks + Ticks.Seconds(_chance.Of([1, 5, 11, 14, 20, 40]));
        if (isKilled) Figures.HubOutages++;
        else Figures.HubFreezes++;
        _time.At(_hubBackAt, EventKind.HubReturns, isKilled ? 1 : 0, 0, null);
    }

    private void HubReturns(bool wasKilled)
    {
        if (!wasKilled) return;
        SchedulerDies();
        _process++;
        foreach (var task in _pool.Open.ToList()) Restart(task);
        foreach (var node in _pool.Nodes) Restart(node);
    }

    /// <summary>kill -9, or the plug. The hub may see the connection close, or nothing.</summary>
    private void Die(SimNode node)
    {
        Figures.Deaths++;
        if (node.Machine.Connected && _chance.Chance(0.6)) _network.ToHub(node, EventKind.DisconnectArrives, node.Machine.Epoch);
        Stop(node);
        _time.Later(Ticks.Seconds(_chance.Of([0.5, 3, 10, 14, 30, 60])), EventKind.MachineStarts, node.Number, node.Machine.Life);
    }

    private void Freeze(SimNode node)
    {
        Figures.Freezes++;
        node.Machine.FrozenUntil = _time.Ticks + Ticks.Seconds(_chance.Of([1, 5, 11, 13, 16, 30, 60]));
    }

    private void Cut(SimNode node)
    {
        Figures.Cuts++;
        var machine = node.Machine;
        if (machine.Connected && _chance.Chance(0.5))
        {
            _network.ToHub(node, EventKind.DisconnectArrives, machine.Epoch);
            machine.Connected = false;
            _time.Later(Ticks.Second, EventKind.Connect, node.Number, machine.Life);
        }
        machine.CutUntil = _time.Ticks + Ticks.Seconds(_chance.Of([0, 2, 8, 14, 16, 40]));
    }

    private static NodeCapabilities Smaller(NodeCapabilities whole) =>
        whole with { CpuCores = whole.CpuCores / 2, MemoryMb = whole.MemoryMb / 2, GpuCount = whole.GpuCount / 2 };

    /// <summary>Its owner lends more or less: it connects anew.</summary>
    private void Resize(SimNode node, NodeCapabilities capabilities)
    {
        node.Capabilities = capabilities;
        node.Machine.Connected = false;
        Connect(node);
    }

    private void Leave(SimNode node)
    {
        node.Machine.Draining = true;
        if (node.Machine.Connected) _network.ToHub(node, EventKind.DrainArrives, node.Machine.Epoch);
        _time.Later(Ticks.Seconds(_chance.Between(0, 20.0)), EventKind.NodeUnregisters, node.Number);
    }

    /// <summary>Gone for good, as far as the hub knows: what it holds is given to others. It comes back as a new registration.</summary>
    private void Unregister(SimNode node)
    {
        if (!node.IsRegistered) return;
        Stop(node);
        var life = node.Machine.Life;
        void ComeBack() => _time.Later(Ticks.Seconds(_chance.Between(1, 60.0)), EventKind.MachineStarts, node.Number, life);
        Run(node, node.Rules.Unregister(OwnerOf(node)), isExclusive: true, _ => ComeBack(), ComeBack);
    }

    /// <summary>From here on all that is broken comes back, and what can never run is cancelled by its submitters.</summary>
    private void End()
    {
        _env.IsEnding = true;
        _movedAt = _time.Ticks;
        foreach (var node in _pool.Nodes)
        {
            if (node.Capabilities == node.Whole) continue;
            node.Capabilities = node.Whole;
            if (node.Machine.Up) Resize(node, node.Whole);
        }
        foreach (var task in _pool.Tasks)
            if (task.Terminal is null && !_pool.MayEverRun(task)) _time.Later(_network.Delay(), EventKind.Cancel, task.Number);
    }
}
