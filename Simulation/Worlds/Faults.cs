using HiveMind.Nodes;

namespace HiveMind.Simulation;

/// <summary>What goes wrong: machines die, freeze, lose their line, shrink and leave; grains and the scheduler are lost.</summary>
internal sealed class Faults(SimEnvironment env, Network network, SimPool pool, TaskHost tasks, NodeHost nodes, SchedulerHost scheduler, Workers workers)
{
    /// <summary>The hub does nothing before then.</summary>
    public long HubBackAt { get; private set; }

    public void Begin()
    {
        Again(EventKind.MachineDies, env.Plan.Deaths);
        Again(EventKind.MachineFreezes, env.Plan.Freezes);
        Again(EventKind.LinkBreaks, env.Plan.Cuts);
        Again(EventKind.MachineResizes, env.Plan.Resizes);
        Again(EventKind.NodeLeaves, env.Plan.Departures);
        Again(EventKind.NodeCordoned, env.Plan.Cordons);
        Again(EventKind.SchedulerDies, env.Plan.SchedulerDeaths);
        Again(EventKind.NodeGrainLost, env.Plan.NodeGrainLosses);
        Again(EventKind.TaskGrainLost, env.Plan.TaskGrainLosses);
        Again(EventKind.HubFreezes, env.Plan.HubFreezes);
        Again(EventKind.HubStops, env.Plan.HubOutages);
    }

    private void Again(EventKind kind, long mean)
    {
        if (mean > 0 && !env.IsEnding) env.Time.Later(1 + env.Chance.Exponential(mean), kind, -1);
    }

    public void Handle(in SimEvent what)
    {
        if (what.Kind == EventKind.MachineStarts)
        {
            workers.Start(pool.Nodes[what.A], what.B);
            return;
        }
        if (what.Kind == EventKind.NodeUnregisters)
        {
            Unregister(pool.Nodes[what.A]);
            return;
        }
        if (what.Kind == EventKind.HubReturns)
        {
            HubReturns(what.A == 1);
            return;
        }
        if (what.Kind == EventKind.TaskGrainLost)
        {
            if (pool.Open.Length > 0) tasks.Restart(pool.Open[env.Chance.Below(pool.Open.Length)]);
            Again(what.Kind, env.Plan.TaskGrainLosses);
            return;
        }
        if (what.Kind == EventKind.NodeGrainLost)
        {
            NodeGrainLost(pool.Nodes[env.Chance.Below(pool.Nodes.Length)]);
            Again(what.Kind, env.Plan.NodeGrainLosses);
            return;
        }
        if (env.IsEnding) return;
        if (what.Kind is EventKind.HubFreezes or EventKind.HubStops)
        {
            HubGoes(what.Kind == EventKind.HubStops);
            Again(what.Kind, what.Kind == EventKind.HubStops ? env.Plan.HubOutages : env.Plan.HubFreezes);
            return;
        }
        if (what.Kind == EventKind.SchedulerDies)
        {
            scheduler.Die();
            Again(what.Kind, env.Plan.SchedulerDeaths);
            return;
        }
        var node = pool.Nodes[env.Chance.Below(pool.Nodes.Length)];
        switch (what.Kind)
        {
            case EventKind.MachineDies:
                if (node.Machine.Up) Die(node);
                Again(what.Kind, env.Plan.Deaths);
                break;
            case EventKind.MachineFreezes:
                if (node.Machine.Up) Freeze(node);
                Again(what.Kind, env.Plan.Freezes);
                break;
            case EventKind.LinkBreaks:
                if (node.Machine.Up) Cut(node);
                Again(what.Kind, env.Plan.Cuts);
                break;
            case EventKind.MachineResizes:
                if (node.Machine.Up) Resize(node, env.Chance.Chance(0.5) ? node.Whole : Smaller(node.Whole));
                Again(what.Kind, env.Plan.Resizes);
                break;
            case EventKind.NodeLeaves:
                if (node.Machine.Up) Leave(node);
                Again(what.Kind, env.Plan.Departures);
                break;
            case EventKind.NodeCordoned:
                if (node.Stored is { Removed: false, Cordoned: "" })
                {
                    nodes.Cordon(node, env.Chance.Chance(0.5) ? -1 : Ticks.Seconds(env.Chance.Between(0, 10.0)));
                    env.Time.Later(Ticks.Seconds(env.Chance.Between(5, 60.0)), EventKind.Uncordon, node.Number);
                }
                Again(what.Kind, env.Plan.Cordons);
                break;
            default: throw what.Unhandled();
        }
    }

    private void NodeGrainLost(SimNode node)
    {
        if (!node.IsRegistered) return;
        env.Figures.NodeGrainsLost++;
        nodes.Restart(node);
    }

    /// <summary>
    /// Nothing of the hub happens for a while: SIGSTOP, a machine that sleeps; or all of it is killed and started again. What is sent to it waits, as in
    /// the buffers of its sockets; workers count their leases all the same.
    /// </summary>
    private void HubGoes(bool isKilled)
    {
        if (HubBackAt > env.Time.Ticks) return;
        HubBackAt = env.Time.Ticks + Ticks.Seconds(env.Chance.Of([1, 5, 11, 14, 20, 40]));
        if (isKilled) env.Figures.HubOutages++;
        else env.Figures.HubFreezes++;
        env.Time.At(HubBackAt, EventKind.HubReturns, isKilled ? 1 : 0, 0, null);
    }

    private void HubReturns(bool wasKilled)
    {
        if (!wasKilled) return;
        scheduler.Die();
        env.HubProcess++;
        foreach (var task in pool.Open.ToArray()) tasks.Restart(task);
        foreach (var node in pool.Nodes) nodes.Restart(node);
    }

    /// <summary>kill -9, or the plug. The hub may see the connection close, or nothing.</summary>
    private void Die(SimNode node)
    {
        env.Figures.Deaths++;
        if (node.Machine.Connected && env.Chance.Chance(0.6)) network.ToHub(node, EventKind.DisconnectArrives, node.Machine.Epoch);
        workers.Stop(node);
        env.Time.Later(Ticks.Seconds(env.Chance.Of([0.5, 3, 10, 14, 30, 60])), EventKind.MachineStarts, node.Number, node.Machine.Life);
    }

    private void Freeze(SimNode node)
    {
        env.Figures.Freezes++;
        node.Machine.FrozenUntil = env.Time.Ticks + Ticks.Seconds(env.Chance.Of([1, 5, 11, 13, 16, 30, 60]));
    }

    private void Cut(SimNode node)
    {
        env.Figures.Cuts++;
        var machine = node.Machine;
        if (machine.Connected && env.Chance.Chance(0.5))
        {
            network.ToHub(node, EventKind.DisconnectArrives, machine.Epoch);
            machine.Connected = false;
            env.Time.Later(Ticks.Second, EventKind.Connect, node.Number, machine.Life);
        }
        machine.CutUntil = env.Time.Ticks + Ticks.Seconds(env.Chance.Of([0, 2, 8, 14, 16, 40]));
    }

    private static NodeCapabilities Smaller(NodeCapabilities whole) =>
        whole with { CpuCores = whole.CpuCores / 2, MemoryMb = whole.MemoryMb / 2, GpuCount = whole.GpuCount / 2 };

    /// <summary>Its owner lends more or less: it connects anew.</summary>
    private void Resize(SimNode node, NodeCapabilities capabilities)
    {
        node.Capabilities = capabilities;
        workers.Reconnect(node);
    }

    private void Leave(SimNode node)
    {
        node.Machine.Draining = true;
        if (node.Machine.Connected) network.ToHub(node, EventKind.DrainArrives, node.Machine.Epoch);
        env.Time.Later(Ticks.Seconds(env.Chance.Between(0, 20.0)), EventKind.NodeUnregisters, node.Number);
    }

    /// <summary>Gone for good, as far as the hub knows: what it holds is given to others. It comes back as a new registration.</summary>
    private void Unregister(SimNode node)
    {
        if (!node.IsRegistered) return;
        workers.Stop(node);
        var life = node.Machine.Life;
        void ComeBack() => env.Time.Later(Ticks.Seconds(env.Chance.Between(1, 60.0)), EventKind.MachineStarts, node.Number, life);
        nodes.Unregister(node, ComeBack);
    }

    /// <summary>From here on all that is broken comes back, and what can never run is cancelled by its submitters.</summary>
    public void End()
    {
        foreach (var node in pool.Nodes)
        {
            if (node.Capabilities == node.Whole) continue;
            node.Capabilities = node.Whole;
            if (node.Machine.Up) Resize(node, node.Whole);
        }
        foreach (var task in pool.Tasks)
            if (task.Terminal is null && !pool.MayEverRun(task)) env.Time.Later(network.Delay(), EventKind.Cancel, task.Number);
    }
}
