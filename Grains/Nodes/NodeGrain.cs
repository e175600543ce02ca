using HiveMind.Faults;
using HiveMind.Persistence;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Users;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Placement;
using Orleans.Runtime;
using System.Diagnostics;

namespace HiveMind.Nodes;

/// <summary>
/// Carries a <see cref="NodeMachine"/>, in which all is decided: each call becomes a command, its steps are taken in the grain's turns, and what they
/// want done is done between them. What writes the node's record excludes each other (no interleaving); everything else goes on beside it.
/// </summary>
[GrainType("node"), PreferLocalPlacement]
public sealed partial class NodeGrain(
    [PersistentState("node", StateStoreNames.Storage)] IPersistentState<NodeRecord> state, INodeIndex nodes, IUnfinishedIndex unfinished, IPoolDatabase database,
    IOptions<HubOptions> options, TimeProvider time, ILogger<NodeGrain> log) : Grain, INodeGrain, IRemindable
{
    private const string LivenessReminder = "liveness";
    private static readonly TimeSpan ReminderPeriod = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan VerdictPeriod = TimeSpan.FromSeconds(1);

    private readonly long _woke = time.GetTimestamp();
    private readonly HashSet<Task> _beside = [];
    private NodeMachine? _machine;
    private IGrainTimer? _timer;

    private string Id => this.GetPrimaryKeyString();
    private Instant Now => new(time.GetElapsedTime(_woke), time.GetUtcNow());
    private NodeMachine Machine => _machine ??= new(
        Id, GrainContext.ActivationId.ToString(), NodePolicy.From(options.Value, options.Value.Nodes.LivenessTimer ? VerdictPeriod : ReminderPeriod), Now, this);

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var woken = Carry(Machine.Wake(state.RecordExists ? state.State : null));
        StartTimer();
        await woken;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        NodeInstruments.Left(_figures);
        return Task.CompletedTask;
    }

    // ------------------------------------------------------------ calls that exclude each other

    public async Task<NodeRegistered> Register(NodeRegistration registration)
    {
        var token = SessionToken.NewNode(Id);
        await Carry(Machine.Register(registration, token.SecretHash));
        StartTimer();
        return new(Id, token.Format(database.TokenTagKey));
    }

    public Task Unregister(Caller caller) => Carry(Machine.Unregister(caller));

    public Task<NodeSnapshot> RevokeToken(Caller caller) => Shown(Machine.RevokeToken(caller));

    public Task OwnerChanged() => Carry(Machine.OwnerChanged());

    public Task<NodeWelcome> Connect(IWorkerLink link, NodeCapabilities capabilities, IReadOnlyList<AttemptReport> running, WorkerStart? start = null) =>
        Answer<NodeWelcome>(reply => Machine.Connect(link, capabilities, running, start, reply));

    public Task Leave(long epoch) => Carry(Machine.Leave(epoch));

    public Task<bool> Claim(AttemptClaim claim) => Answer<bool>(reply => Machine.Claim(claim, reply));

    public Task<NodeSnapshot> Cordon(Caller caller, string reason, TimeSpan? patience) => Shown(Machine.Cordon(caller, reason, patience));

    public Task<NodeSnapshot> Uncordon(Caller caller) => Shown(Machine.Uncordon(caller));

    public Task ReceiveReminder(string reminderName, TickStatus status) => Tick(CancellationToken.None);

    // ------------------------------------------------------------ calls that exclude nothing

    public Task Heartbeat(long epoch, IWorkerLink link, IReadOnlyList<AttemptReport> running, NodeUsage usage)
    {
        Machine.Heartbeat(epoch, link, running, usage, Now);
        return Task.CompletedTask;
    }

    public async Task Tend()
    {
        await Carry(Machine.TendNow());
        await Task.WhenAll(_beside);
    }

    public Task Disconnect(long epoch)
    {
        Machine.Disconnect(epoch, Now);
        return Task.CompletedTask;
    }

    public Task Drain(long epoch)
    {
        Machine.Drain(epoch, Now);
        return Task.CompletedTask;
    }

    public Task TouchUnary(Caller? caller, string? status, NodeUsage usage)
    {
        Machine.TouchUnary(caller, status, usage, Now);
        return Task.CompletedTask;
    }

    public Task<OfferResult> Offer(IReadOnlyList<TaskOffer> offers) => Answer<OfferResult>(reply => Machine.Offer(offers, reply));

    public Task<IReadOnlyList<ReportVerdict>> Report(long epoch, IReadOnlyList<TaskOutcomeReport> reports) =>
        Answer<IReadOnlyList<ReportVerdict>>(reply => Machine.Report(epoch, reports, reply));

    public Task<TaskSpec> CheckAttempt(string taskId, int attempt) => Answer<TaskSpec>(reply => Machine.CheckAttempt(taskId, attempt, reply));

    public Task Drop(string taskId, int attempt, string reason)
    {
        Machine.Drop(taskId, attempt, reason, Now);
        return Task.CompletedTask;
    }

    public Task<NodeIdentity> CheckToken(byte[] secretHash) => Answer<NodeIdentity>(reply => Machine.CheckToken(secretHash, reply));

    public Task<NodeSnapshot?> GetSnapshot() => Task.FromResult(Machine.Snapshot(Now));

    // ------------------------------------------------------------ steps

    /// <summary>Takes a command's steps, and does between them what they want done. A write that fails ends it, and the activation.</summary>
    private async Task Carry(IEnumerable<Effect> command)
    {
        using var steps = command.GetEnumerator();
        while (Machine.Step(steps, Now)) await Do(steps.Current);
    }

    private async Task<T> Answer<T>(Func<Reply<T>, IEnumerable<Effect>> command)
    {
        var reply = new Reply<T>();
        await Carry(command(reply));
        return reply.Value;
    }

    private async Task<NodeSnapshot> Shown(IEnumerable<Effect> command)
    {
        await Carry(command);
        return Machine.Snapshot(Now)!;
    }

    private async Task Tick(CancellationToken cancel)
    {
        try
        {
            await Carry(Machine.Tick());
        }
        catch (HiveMindException error)
        {
            LogTickFailed(error, Id); // the next tick or reminder tries again
        }
    }

    private async Task Beside(IEnumerable<Effect> command)
    {
        Activity.Current = null; // it may go on for as long as there is news: that is no part of one task's trace
        try
        {
            await Carry(command);
        }
        catch (Exception error)
        {
            LogNotTended(error, Id); // the next heartbeat or tick does it again
        }
    }

    private void StartTimer()
    {
        if (options.Value.Nodes.LivenessTimer && Machine.Record is not null) _timer ??= this.RegisterGrainTimer(Tick, new GrainTimerCreationOptions(VerdictPeriod, VerdictPeriod));
    }
}
