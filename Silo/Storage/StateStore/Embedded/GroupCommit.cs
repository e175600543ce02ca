using System.Diagnostics;

namespace HiveMind.Storage;

/// <summary>
/// The one writer: a thread that takes all that waits, makes one transaction of it, commits that, notes it beside the file, and only then answers
/// everybody. A commit that certainly did not happen (a full disk) fails for all that were in it and the next one is tried anew; one whose
/// outcome is in doubt ends the process.
/// </summary>
internal sealed class GroupCommit : IDisposable
{
    private const int MostJobs = 2000;
    /// <summary>Pages written since the log was last moved into the file, roughly: the log stays below some tens of MB.</summary>
    private const long CheckpointPages = 6000;
    /// <summary>Frames with which a checkpoint waits for readers, so that they cannot keep the log growing.</summary>
    private const int RestartFrames = 16_000;
    /// <summary>Free pages that are left alone; above it, and above half of the file, the file shrinks.</summary>
    private const long SparePages = 1024;

    private readonly Lock gate = new();
    private readonly AutoResetEvent arrived = new(false);
    private readonly StateStoreConnection connection;
    private readonly StateStoreChange change;
    private readonly CommitNote note;
    private readonly StateStoreFilesGuard files;
    private readonly StateStoreFault fault;
    private readonly Thread thread;
    private List<Job> waiting = [], spare = [];
    /// <summary>Ordered writes that nobody waits for and whose transaction failed: they come first in the next one. Only this thread's.</summary>
    private readonly List<Job> owed = [];
    private bool busy, closing;
    private volatile bool failing;
    private long commits;

    public GroupCommit(StateStoreConnection connection, StateStoreStamp stamp, CommitNote note, StateStoreFilesGuard files, StateStoreFault fault)
    {
        (this.connection, this.note, this.files, this.fault) = (connection, note, files, fault);
        change = new StateStoreChange(connection, stamp);
        thread = new Thread(Run) { IsBackground = true, Name = "floor" };
        thread.Start();
    }

    /// <summary>Transactions committed by this process.</summary>
    public long Commits => Interlocked.Read(ref commits);

    /// <summary>Done when durable, with what the work returned. Unavailable: nothing of it was kept.</summary>
    public Task<T> Write<T>(Func<StateStoreChange, T> work)
    {
        var job = new Waited<T>(work);
        Enqueue(job);
        return job.Done;
    }

    /// <summary>
    /// Ordered before any later write and durable when that one is, so that nobody needs to wait. While commits fail it is waited for all the
    /// same: what is owed stays little.
    /// </summary>
    public Task Order(Action<StateStoreChange> work)
    {
        if (failing) return Write(Nothing(work));
        Enqueue(new Ordered(work));
        return Task.CompletedTask;
    }

    /// <summary>Done when everything that was handed over before is committed, or has failed: what is read then is what its writer knows of.</summary>
    public Task Settled()
    {
        lock (gate)
        {
            if (!busy && waiting.Count == 0) return Task.CompletedTask;
        }

        var job = new Barrier();
        Enqueue(job);
        return job.Done;
    }

    /// <summary>Null while the files are those that were opened; else the sentence that the process ends with.</summary>
    public string? Problem() => closing ? null : files.Problem();

    public void Dispose()
    {
        lock (gate)
        {
            if (closing) return;
            closing = true;
        }

        arrived.Set();
        thread.Join();
        connection.Dispose();
        note.Dispose();
        files.Dispose();
        arrived.Dispose();
    }

    private static Func<StateStoreChange, int> Nothing(Action<StateStoreChange> work) => change =>
    {
        work(change);
        return 0;
    };

    private void Enqueue(Job job)
    {
        lock (gate)
        {
            if (!closing)
            {
                waiting.Add(job);
                if (!busy && waiting.Count == 1) arrived.Set();
                return;
            }
        }

        job.Fail(StateStoreFailures.Closed());
    }

    private void Run()
    {
        while (Take() is { } batch)
        {
            if (fault.HasHappened) Refuse(batch);
            else Commit(batch);
            batch.Clear();
            spare = batch;
            if (!fault.HasHappened) fault.Guard(KeepHouse);
        }
    }

    /// <summary>All that waits; null when the state store closes and nothing does.</summary>
    private List<Job>? Take()
    {
        while (true)
        {
            lock (gate)
            {
                busy = waiting.Count > 0;
                if (busy && waiting.Count <= MostJobs)
                {
                    (var batch, waiting) = (waiting, spare);
                    return batch;
                }

                if (busy)
                {
                    spare.AddRange(waiting.Take(MostJobs));
                    waiting.RemoveRange(0, MostJobs);
                    return spare;
                }

                if (closing) return null;
            }

            arrived.WaitOne();
        }
    }

    private void Commit(List<Job> batch)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            change.Begin();
            foreach (var job in owed) Do(job);
            foreach (var job in batch) Do(job);
            if (change.Commit()) Committed(began, batch.Count);
            // Nothing is answered that went into a file which nobody will find again.
            if (files.Problem() is { } gone) fault.Happened(gone);
        }
        catch (Exception error)
        {
            Failed(error, batch);
            return;
        }

        owed.Clear();
        failing = false;
        if (fault.HasHappened) Refuse(batch);
        else foreach (var job in batch) job.Answer();
    }

    private void Do(Job job)
    {
        var before = connection.TotalChanges;
        try
        {
            job.Do(change);
        }
        catch (Exception e) when (e is not StateStoreError)
        {
            job.Outcome = e;
            // Its own affair where it changed nothing; half a change takes the whole transaction with it.
            if (connection.TotalChanges != before) throw;
        }
    }

    private void Committed(long began, int jobs)
    {
        Interlocked.Increment(ref commits);
        try
        {
            note.Write(change.Committed);
        }
        catch (IOException e)
        {
            // The commit is durable, so it is answered; a later note makes up for this one.
            fault.NotNoted(e);
        }

        StateStoreInstruments.Committed(Stopwatch.GetElapsedTime(began), jobs);
    }

    private void Failed(Exception error, List<Job> batch)
    {
        StateStoreInstruments.CommitFailed();
        fault.Guard(change.RollBack);
        if (error is StateStoreError { IsPassing: false }) fault.Happened(error);
        var told = StateStoreFailures.Unavailable(error);
        failing = true;
        foreach (var job in batch)
        {
            if (job is Ordered { Outcome: null }) owed.Add(job);
            else job.Fail(told);
        }

        if (!fault.HasHappened) fault.Passing(error);
    }

    private static void Refuse(List<Job> batch)
    {
        foreach (var job in batch) job.Fail(StateStoreFailures.Closed());
    }

    /// <summary>After the answers: moves the log into the file when it has grown, and gives back what the file does not need any more.</summary>
    private void KeepHouse()
    {
        if (change.Pages < CheckpointPages) return;
        change.WalMoved();
        if (!connection.TryCheckpoint(restart: false, out var frames, out _)) return;
        if (frames > RestartFrames) connection.TryCheckpoint(restart: true, out _, out _);
        var (free, pages) = (Number("PRAGMA freelist_count"), Number("PRAGMA page_count"));
        if (free > SparePages && free > pages / 2) Shrink();
    }

    private void Shrink()
    {
        try
        {
            connection.Execute("PRAGMA incremental_vacuum(1000)");
        }
        catch (StateStoreError error) when (error.IsPassing)
        {
            // It wants a little room first.
        }
    }

    private long Number(string sql) => long.Parse(connection.Ask(sql), System.Globalization.CultureInfo.InvariantCulture);

    private abstract class Job
    {
        /// <summary>Why this one alone was not done.</summary>
        public Exception? Outcome { get; set; }

        public abstract void Do(StateStoreChange change);

        public abstract void Answer();

        public abstract void Fail(Exception error);
    }

    private sealed class Waited<T>(Func<StateStoreChange, T> work) : Job
    {
        private readonly TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T result = default!;

        public Task<T> Done => done.Task;

        public override void Do(StateStoreChange change) => result = work(change);

        public override void Answer()
        {
            if (Outcome is null) done.SetResult(result);
            else done.SetException(Outcome);
        }

        public override void Fail(Exception error) => done.SetException(error);
    }

    private sealed class Ordered(Action<StateStoreChange> work) : Job
    {
        public override void Do(StateStoreChange change) => work(change);

        public override void Answer()
        {
            // Nobody waits.
        }

        public override void Fail(Exception error)
        {
            // Nobody waits: what it prepared fails too, because it comes later.
        }
    }

    private sealed class Barrier : Job
    {
        private readonly TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Done => done.Task;

        public override void Do(StateStoreChange change)
        {
            // Its place in the order is all.
        }

        public override void Answer() => done.SetResult();

        public override void Fail(Exception error) => done.SetResult();
    }
}
