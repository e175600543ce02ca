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
        var submission = new Submission(request, submitter);
        Try(submission, () =>
        {
            Check(submission);
            quotas.Take(submitter);
        });
        await Admit([submission]);
        if (submission.Refusal is null) await Try(submission, () => Bear(submission, oneOfMany: false, cancel));
        await GiveBack([submission]);
        if (submission.Refusal is not { } refusal) return submission.TaskId;
        EdgeInstruments.SubmitRefused(refusal);
        ExceptionDispatchInfo.Throw(refusal);
        return "";
    }

    /// <summary>Done when each of them is durable or refused. Which account each is for is asked of <paramref name="submitter"/>.</summary>
    public async Task<IReadOnlyList<Submission>> Many(
        IReadOnlyList<Wire.SubmitTaskRequest> requests, Func<Wire.SubmitTaskRequest, Task<Caller>> submitter, CancellationToken cancel)
    {
        var submissions = new Submission[requests.Count];
        for (var i = 0; i < submissions.Length; i++) submissions[i] = await ReadSubmission(requests[i], submitter);
        await Admit(submissions);
        var births = new List<Task>(submissions.Length);
        foreach (var submission in submissions.Where(submission => submission.Refusal is null))
        {
            await Try(submission, async () =>
            {
                await quotas.Await(submission.Submitter!, cancel);
                await _births.WaitAsync(cancel);
            });
            if (submission.Refusal is null) births.Add(OneOfMany(submission, cancel));
        }

        await Task.WhenAll(births);
        await GiveBack(submissions);
        foreach (var submission in submissions)
            if (submission.Refusal is { } refusal) EdgeInstruments.SubmitRefused(refusal);
        return submissions;
    }

    public void Dispose() => _births.Dispose();

    private async Task<Submission> ReadSubmission(Wire.SubmitTaskRequest request, Func<Wire.SubmitTaskRequest, Task<Caller>> submitter)
    {
        try
        {
            var submission = new Submission(request, await submitter(request));
            Try(submission, () => Check(submission));
            return submission;
        }
        catch (Exception refusal)
        {
            return new Submission(request, null) { Refusal = refusal };
        }
    }

    private void Check(Submission submission)
    {
        TaskRules.Check(submission.Request, options.Tasks).ThrowIfAny();
        quotas.RequireBand(submission.Submitter!, (TaskPriority)submission.Request.Priority);
    }

    private async Task Admit(IReadOnlyList<Submission> submissions)
    {
        foreach (var own in submissions.Where(submission => submission.Refusal is null).GroupBy(submission => submission.Submitter!.UserId))
        {
            Submission[] asked = [.. own];
            try
            {
                await Admit(asked[0].Submitter!, asked);
            }
            catch (Exception failure)
            {
                foreach (var submission in asked) submission.Refusal ??= failure;
            }
        }
    }

    /// <summary>
    /// Lets new tasks in, in their order, as far as credit and quotas reach. A repeated submission is the first one's answer, whatever was spent
    /// since; its record is only asked where that decides something.
    /// </summary>
    private async Task Admit(Caller submitter, Submission[] asked)
    {
        var room = await quotas.Waiting(submitter);
        var load = quotas.Load(submitter);
        var isTight = room.MayRefuse(asked.Length);
        var whole = isTight ? null : await load.Admit([.. asked.Select(ToAsk)], submitter.Role, allOrNone: true);
        isTight |= whole is { IsWhole: false };
        var repeatable = asked.Where(submission => submission.Request.RequestId.Length > 0 && (isTight || submission.Request.PayloadSha256.Length > 0 || submission.Request.StandardInputSha256.Length > 0));
        await Task.WhenAll(repeatable.Select(submission => Try(submission, async () => submission.Known = await records.Find(submission.TaskId, CancellationToken.None))));
        if (!isTight)
        {
            for (var i = 0; i < asked.Length; i++) (asked[i].Hold, asked[i].IsNew) = (whole!.Tasks[i].Hold, whole.Tasks[i].IsNew);
            return;
        }

        Submission[] fresh = [.. asked.Where(submission => submission is { Refusal: null, Known: null })];
        foreach (var submission in fresh) Try(submission, room.Take);
        fresh = [.. fresh.Where(submission => submission.Refusal is null)];
        if (fresh.Length == 0) return;
        var each = await load.Admit([.. fresh.Select(ToAsk)], submitter.Role, allOrNone: false);
        foreach (var (submission, answer) in fresh.Zip(each.Tasks))
        {
            (submission.Hold, submission.IsNew) = (answer.Hold, answer.IsNew);
            if (answer.Refusal is { } why) submission.Refusal = new HiveMindException(why.Kind, why.Reason, why.Message, null, why.Kind == FailureKind.ResourceExhausted ? SubmitQuotas.PendingRetry : null);
        }
    }

    private static TaskAsk ToAsk(Submission submission) => TaskMapping.ToAsk(submission.TaskId, submission.Request, submission.Submitter!);

    /// <summary>
    /// Says for which tasks something was set aside in vain: certainly not born, or over already. Where nobody knows, the index will tell.
    /// </summary>
    private async Task GiveBack(IEnumerable<Submission> submissions)
    {
        foreach (var own in submissions.Where(submission => submission.IsNotBorn).GroupBy(submission => submission.Submitter!.UserId))
        {
            try
            {
                await grains.GetGrain<IAccountLoadGrain>(own.Key).NotBorn([.. own.Select(submission => submission.TaskId)]);
            }
            catch (Exception)
            {
                // found when the index is summed anew
            }
        }
    }

    private async Task OneOfMany(Submission submission, CancellationToken cancel)
    {
        try
        {
            await Try(submission, () => Bear(submission, oneOfMany: true, cancel));
        }
        finally
        {
            _births.Release();
        }
    }

    private async Task Bear(Submission submission, bool oneOfMany, CancellationToken cancel)
    {
        var (request, userId) = (submission.Request, submission.Submitter!.UserId);
        var payload = request.PayloadSha256.Length == 0 ? await files.Write(request.TaskData.Memory, cancel, isNewWork: true)
            : submission.Known?.Spec.Payload is { } known && known.Sha256 == request.PayloadSha256 ? known
            : await uploads.Find(userId, request, cancel);
        var input = submission.Known?.Spec.StandardInputFile is { } given && given.Sha256 == request.StandardInputSha256 ? given
            : await uploads.FindInput(userId, request, cancel);
        Failpoint.Hit(Failpoints.SubmitAfterFile);
        var born = await Record(submission).Submit(TaskMapping.ToSpec(request, submission.Submitter, payload, input) with { Hold = submission.Hold }, oneOfMany, request.RequestId.Length > 0);
        submission.HasEnded = born is { EndedAt: not null };
    }

    private ITaskGrain Record(Submission submission) => grains.GetGrain<ITaskGrain>(submission.TaskId);

    private static void Try(Submission submission, Action step)
    {
        try
        {
            step();
        }
        catch (Exception refusal)
        {
            submission.Refusal = refusal;
        }
    }

    private static async Task Try(Submission submission, Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (Exception refusal)
        {
            submission.Refusal = refusal;
        }
    }
}

/// <summary>A task on its way in, and what became of it: it is in, unless there is a refusal.</summary>
internal sealed class Submission(Wire.SubmitTaskRequest request, Caller? submitter)
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
