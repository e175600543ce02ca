using HiveMind.Nodes;

namespace HiveMind.Simulation;

/// <summary>A worker's stream to the hub: it connects until it is welcomed, and says what it runs, which renews its lease.</summary>
internal sealed class WorkerStream(SimEnvironment env, Network network)
{
    private static readonly long ConnectAgainAfter = 2 * Ticks.Second;

    public void Connect(SimNode node)
    {
        var machine = node.Machine;
        if (machine.Connected) return;
        machine.Connecting = true;
        machine.HelloAt = env.Time.Ticks;
        network.ToHub(node, EventKind.ConnectArrives, Say(node), ordered: false);
        env.Time.Later(ConnectAgainAfter, EventKind.Connect, node.Number, machine.Life);
    }

    /// <summary>False: it is of a stream that was given up.</summary>
    public bool Welcome(SimNode node, BeatMessage welcome)
    {
        var machine = node.Machine;
        if (welcome.Epoch <= machine.Epoch || welcome.SentAt != machine.HelloAt) return false;
        (machine.Connected, machine.Connecting, machine.Epoch) = (true, false, welcome.Epoch);
        machine.RenewedAt = Math.Max(machine.RenewedAt, welcome.SentAt);
        machine.StreamOf = welcome.Hello;
        machine.AwaitsAnswer = false;
        WatchLease(node);
        if (machine.Draining) network.ToHub(node, EventKind.DrainArrives, machine.Epoch);
        return true;
    }

    public void Beat(SimNode node)
    {
        if (node.Machine.Connected) SayNow(node);
        env.Time.Later(env.Plan.Heartbeat, EventKind.Beat, node.Number, node.Machine.Life);
    }

    /// <summary>A heartbeat out of turn, or after the answer to the one before.</summary>
    public void SaySoon(SimNode node)
    {
        var machine = node.Machine;
        machine.WantsToSay = true;
        if (!machine.AwaitsAnswer) SayWanted(node);
    }

    private void SayWanted(SimNode node)
    {
        var machine = node.Machine;
        if (!machine.WantsToSay || machine.WillSay) return;
        machine.WillSay = true;
        env.Time.Later(Ticks.Millisecond / 10, EventKind.SayNow, node.Number, machine.Life);
    }

    public void SayNow(SimNode node)
    {
        var machine = node.Machine;
        machine.WillSay = machine.WantsToSay = false;
        if (!machine.Connected) return;
        machine.AwaitsAnswer = true;
        network.ToHub(node, EventKind.HeartbeatArrives, Say(node));
    }

    private BeatMessage Say(SimNode node)
    {
        var machine = node.Machine;
        var running = new AttemptReport[machine.Runs.Count];
        for (var i = 0; i < running.Length; i++) running[i] = machine.Runs[i].Said;
        return new(node.Number, machine.Life, machine.Connecting ? machine.HelloAt : machine.StreamOf, machine.Epoch, running, env.Time.Ticks);
    }

    public void BeatAnswered(SimNode node, BeatMessage answered)
    {
        var machine = node.Machine;
        if (answered.Epoch != machine.Epoch) return;
        if (answered.SentAt >= 0)
        {
            machine.RenewedAt = Math.Max(machine.RenewedAt, answered.SentAt);
            WatchLease(node);
            machine.AwaitsAnswer = false;
            SayWanted(node);
        }
        else if (machine.Connected)
        {
            machine.Connected = false;
            Connect(node);
        }
    }

    public void Closed(SimNode node, SimLink link)
    {
        var machine = node.Machine;
        if (!machine.Connected || machine.StreamOf != link.Hello) return;
        machine.Connected = false;
        Connect(node);
    }

    /// <summary>Looks when its lease runs out.</summary>
    public void WatchLease(SimNode node)
    {
        var machine = node.Machine;
        if (machine.LeaseWatched) return;
        machine.LeaseWatched = true;
        env.Time.Later(Math.Max(0, machine.RenewedAt + env.Plan.WorkerLease - env.Time.Ticks), EventKind.WorkerLeaseRunsOut, node.Number, machine.Life);
    }
}
