using System.Globalization;
using HiveMind.Benchmarks;

var number = (string name, int fallback) =>
    Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? int.Parse(args[at + 1], CultureInfo.InvariantCulture) : fallback;

var redis = args.Zip(args.Skip(1)).Where(pair => pair.First != "--set").Select(pair => pair.Second)
    .FirstOrDefault(arg => arg == BenchRedis.Own || arg.Contains(':', StringComparison.Ordinal));

return args switch
{
    ["state-store-writer", var directory, ..] => await StateStoreWriter.Run(directory),
    ["state-store-kills", var directory, ..] => await StateStoreKills.Run(directory, number("--kills", 100)),
    ["state-store-soak", var directory, ..] => await StateStoreSoak.Run(directory, number("--cycles", 1_000_000), number("--live", 10_000), number("--callers", 64), number("--rewrites", 2)),
    ["hub-soak", var directory, ..] => await HubSoak.Run(directory, number("--tasks", 1_000_000), number("--retain-seconds", 60)),
    ["pool", ..] => await PoolFigures.Run(redis, number("--workers", 2), number("--tasks", 10_000), number("--senders", 64)),
    ["bulk", ..] => await BulkFigures.Run(redis, number("--tasks", 100_000)),
    ["churn", ..] => await Churn.Run(redis, number("--tasks", 100_000), number("--workers", 20), number("--kill-every", 5), number("--seed", 1)),
    ["rebuild", ..] => await RebuildFigures.Run(redis, number("--tasks", 1_000_000)),
    ["list-tasks", ..] => await ListFigures.Run(number("--tasks", 100_000), number("--meanwhile", 1000)),
    ["core", ..] => CoreBenchmarks.Run(),
    ["fairness", ..] => await FairnessFigures.Run(),
    ["scheduler", ..] => CoreFigures.Run(args.Skip(1).FirstOrDefault(arg => !arg.StartsWith('-')) ?? "BalancedSpread", number("--most", 1_000_000)),
    ["soak", ..] => await Soak.Run(redis, number("--seconds", 60 * number("--minutes", 30)), number("--rate", 50), number("--workers", 2),
        [.. args.Zip(args.Skip(1)).Where(pair => pair.First == "--set").Select(pair => $"--HiveMind:{pair.Second}")]),
    ["attacker", var attack, var address, var seconds] => await Attackers.Run(attack, address, seconds),
    ["attacks", ..] => await AttackFigures.Run(number("--seconds", 20), args.Zip(args.Skip(1)).FirstOrDefault(pair => pair.First == "--only").Second ?? ""),
    ["big-files", ..] => await BigFiles.Run(number("--mb", 1024)),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("""
        REDIS: nothing for the embedded state store, `redis` for a redis-server of the scenario's own, or an address
        state-store-writer DIR                  writes until it is killed, printing what was acknowledged
        state-store-kills DIR [--kills 100]     kills such a writer again and again and looks for what was lost
        pool [REDIS] [--workers 2] [--tasks 10000] [--senders 64]  start-up, memory, submit to result, noop tasks per second
        bulk [REDIS] [--tasks 100000]                one SubmitTasks into a pool without workers: rate, processor time, memory
        churn [REDIS] [--tasks 100000] [--workers 20] [--kill-every 5] [--seed 1]  noop tasks of 0-50 ms while workers are killed: rates, and every record checked
        rebuild [REDIS] [--tasks 1000000]            so many open tasks, silo killed -9: time to the first answer and to the whole queue, memory (no REDIS: its own)
        list-tasks [--tasks 100000] [--meanwhile 1000]  first and last page of a long history; lists while tasks come and end
        core  the steps of the scheduler's core one by one (BenchmarkDotNet)
        fairness  waits seen by a modest account, a large task and a low priority beside those who flood a small pool
        scheduler [POLICY] [--most 1000000]  the core alone: time of a submit and a placement, bytes a waiting task
        big-files [--mb 1024]  a program of that size in, as large an output back, each connection cut once: time and memory of each process
        soak [REDIS] [--minutes 30 | --seconds N] [--rate 50] [--workers 2] [--set Tasks:RetainEnded=00:05:00]…  a steady mixed load: memory, descriptors, directories, latencies; whether they level off; an audit
        state-store-soak DIR [--cycles 1000000] [--live 10000] [--callers 64] [--rewrites 2]  task-like write, rewrite, delete cycles: rate, directory size, restart time
        hub-soak DIR [--tasks 1000000] [--retain-seconds 60]  tasks from birth to erasure through a whole hub: rate, size of state store and database, memory, restart time
        attacks [--seconds 20] [--only WORD]  hostile clients one after the other: the hub's memory, and the calls of one that behaves beside them
        """);
    return 2;
}
