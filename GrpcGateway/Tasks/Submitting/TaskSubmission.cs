using System.Runtime.ExceptionServices;
using HiveMind.Edge;
using HiveMind.Faults;
using HiveMind.Rewards;
using HiveMind.Storage;
using HiveMind.Users;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>
/// The one way of tasks into the pool, alone or a thousand together: the rules of each, what its account may submit, its payload, its
/// birth. A call of one is a batch of one that does not wait for its turn.
/// </summary>
internal sealed class TaskSubmission(IGrainFactory grains, IFiles files, PayloadUploads uploads, SubmitQuotas quotas, TaskRecords records, HubOptions options) : IDisposable
{
    /// <summary>Births of all batches of this silo at the same time.</summary>
    public const int BirthsTogether = 128;
    private readonly SemaphoreSlim _births = new(BirthsTogether);

    /// <summary>The task's id, or what is wrong with it.</summary>
    public async Task<string> One(Wire.SubmitTaskRequest request, Caller submitter, CancellationToken cancel)
    {
        var draft = new Draft(request, submitter);
        Try(draft, () =>
        {
            Check(draft);
            quotas.Take(submitter);
        });
        await Admit([draft]);
        if (draft.Refusal is null) await Try(draft, () => Bear(draft, oneOfMany: false, cancel));
        await GiveBack([draft]);
        if (draft.Refusal is not { } refusal) return draft.TaskId;
        EdgeInstruments.SubmitRefused(refusal);
        ExceptionDispatchInfo.Throw(refusal);
        return "";
    }

    /// <summary>Done when each of them is durable or refused. Which account each is for is asked of <paramref name="submitter"/>.</summary>
    public async Task<IReadOnlyList<Draft>> Many(
        IReadOnlyList<Wire.SubmitTaskRequest> requests, Func<Wire.SubmitTaskRequest, Task<Caller>> submitter, CancellationToken cancel)
    {
        var drafts = new Draft[requests.Count];
        for (var i = 0; i < drafts.Length; i++) drafts[i] = await Drafted(requests[i], submitter);
        await Admit(drafts);
        var births = new List<Task>(drafts.Length);
        foreach (var draft in drafts.Where(draft => draft.Refusal is null))
        {
            await Try(draft, async () =>
            {
                await quotas.Await(draft.Submitter!, cancel);
                await _births.WaitAsync(cancel);
            });
            if (draft.Refusal is null) births.Add(OneOfMany(draft, cancel));
        }

        await Task.WhenAll(births);
        await GiveBack(drafts);
        foreach (var draft in drafts)
            if (draft.Refusal is { } refusal) EdgeInstruments.SubmitRefused(refusal);
        return drafts;
    }

    public void Dispose() => _births.Dispose();

    private async Task<Draft> Drafted(Wire.SubmitTaskRequest request, Func<Wire.SubmitTaskRequest, Task<Caller>> submitter)
    {
        try
        {
            var draft = new Draft(request, await submitter(request));
            Try(draft, () => Check(draft));
            return draft;
        }
        catch (Exception refusal)
        {
            return new Draft(request, null) { Refusal = refusal };
        }
    }

    private void Check(Draft draft)
    {
        TaskRules.Check(draft.Request, options.Tasks).ThrowIfAny();
        quotas.RequireBand(draft.Submitter!, (TaskPriority)draft.Request.Priority);
    }

    private async Task Admit(IReadOnlyList<Draft> drafts)
    {
        foreach (var own in drafts.Where(draft => draft.Refusal is null).GroupBy(draft => draft.Submitter!.UserId))
        {
            Draft[] asked = [.. own];
            try
            {
                await Admit(asked[0].Submitter!, asked);
            }
            catch (Exception failure)
            {
                foreach (var draft in asked) draft.Refusal ??= failure;
            }
        }
    }

    /// <summary>
    /// Lets new tasks in, in their order, as far as credit and quotas reach. A repeated submission is the first one's answer, whatever was spent
    /// since; its record is only asked where that decides something.
    /// </summary>
    private async Task Admit(Caller submitter, Draft[] asked)
    {
        var room = await quotas.Waiting(submitter);
        var load = quotas.Load(submitter);
        var isTight = room.MayRefuse(asked.Length);
        var whole = isTight ? null : await load.Admit([.. asked.Select(ToAsk)], submitter.Role, allOrNone: true);
        isTight |= whole is { IsWhole: false };
        var repeatable = asked.Where(draft => draft.Request.RequestId.Length > 0 && (isTight || draft.Request.PayloadSha256.Length > 0 || draft.Request.StandardInputSha256.Length > 0));
        await Task.WhenAll(repeatable.Select(draft => Try(draft, async () => draft.Known = await records.Find(draft.TaskId, CancellationToken.None))));
        if (!isTight)
        {
            for (var i = 0; i < asked.Length; i++) (asked[i].Hold, asked[i].IsNew) = (whole!.Tasks[i].Hold, whole.Tasks[i].IsNew);
            return;
        }

        Draft[] fresh = [.. asked.Where(draft => draft is { Refusal: null, Known: null })];
        foreach (var draft in fresh) Try(draft, room.Take);
        fresh = [.. fresh.Where(draft => draft.Refusal is null)];
        if (fresh.Length == 0) return;
        var each = await load.Admit([.. fresh.Select(ToAsk)], submitter.Role, allOrNone: false);
        foreach (var (draft, answer) in fresh.Zip(each.Tasks))
        {
            (draft.Hold, draft.IsNew) = (answer.Hold, answer.IsNew);
            if (answer.Refusal is { } why) draft.Refusal = new HiveMindException(why.Kind, why.Reason, why.Message, null, why.Kind == FailureKind.ResourceExhausted ? SubmitQuotas.PendingRetry : null);
        }
    }

    private static TaskAsk ToAsk(Draft draft) => TaskMapping.ToAsk(draft.TaskId, draft.Request, draft.Submitter!);

    /// <summary>
    /// Says for which tasks something was set aside in vain: certainly not born, or over already. Where nobody knows, the index will tell.
    /// </summary>
    private async Task GiveBack(IEnumerable<Draft> drafts)
    {
        foreach (var own in drafts.Where(draft => draft.IsNotBorn).GroupBy(draft => draft.Submitter!.UserId))
        {
            try
            {
                await grains.GetGrain<IAccountLoadGrain>(own.Key).NotBorn([.. own.Select(draft => draft.TaskId)]);
            }
            catch (Exception)
            {
                // found when the index is summed anew
            }
        }
    }

    private async Task OneOfMany(Draft draft, CancellationToken cancel)
    {
        try
        {
            await Try(draft, () => Bear(draft, oneOfMany: true, cancel));
        }
        finally
        {
            _births.Release();
        }
    }

    private async Task Bear(Draft draft, bool oneOfMany, CancellationToken cancel)
    {
        var (request, userId) = (draft.Request, draft.Submitter!.UserId);
        var payload = request.PayloadSha256.Length == 0 ? await files.Write(request.TaskData.Memory, cancel, isNewWork: true)
            : draft.Known?.Spec.Payload is { } known && known.Sha256 == request.PayloadSha256 ? known
            : await uploads.Find(userId, request, cancel);
        var input = draft.Known?.Spec.StandardInputFile is { } given && given.Sha256 == request.StandardInputSha256 ? given
            : await uploads.FindInput(userId, request, cancel);
        Failpoint.Hit(Failpoints.SubmitAfterFile);
        var born = await Record(draft).Submit(TaskMapping.ToSpec(request, draft.Submitter, payload, input) with { Hold = draft.Hold }, oneOfMany, request.RequestId.Length > 0);
        draft.HasEnded = born is { EndedAt: not null };
    }

    private ITaskGrain Record(Draft draft) => grains.GetGrain<ITaskGrain>(draft.TaskId);

    private static void Try(Draft draft, Action step)
    {
        try
        {
            step();
        }
        catch (Exception refusal)
        {
            draft.Refusal = refusal;
        }
    }

    private static async Task Try(Draft draft, Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (Exception refusal)
        {
            draft.Refusal = refusal;
        }
    }
}

/// <summary>A task on its way in, and what became of it: it is in, unless there is a refusal.</summary>
internal sealed class Draft(Wire.SubmitTaskRequest request, Caller? submitter)
{
    public Wire.SubmitTaskRequest Request => request;
    /// <summary>Null when it could not be told, which is its refusal.</summary>
    public Caller? Submitter => submitter;
    public string TaskId { get; } = submitter is null ? "" : TaskIds.New(submitter.UserId, request.RequestId);
    /// <summary>It was submitted before, as far as it was asked.</summary>
    public TaskSnapshot? Known { get; set; }
    public Exception? Refusal { get; set; }
    public TaskHold? Hold { get; set; }
    /// <summary>Something was set aside for it, by this call.</summary>
    public bool IsNew { get; set; }
    /// <summary>It was submitted before, and is over.</summary>
    public bool HasEnded { get; set; }
    /// <summary>What was set aside for it is not needed: its birth never was, or its task has ended.</summary>
    public bool IsNotBorn => IsNew && (HasEnded || Refusal is HiveMindException { Kind: not FailureKind.Unavailable });
}
