using System.Collections.ObjectModel;
using Orleans.Concurrency;

namespace HiveMind.Scheduling;

/// <summary>A node as the scheduler sees it. Version grows with every word of one activation: an older view that arrives late is ignored.</summary>
[GenerateSerializer, Alias("HiveMind.NodeView"), Immutable]
public sealed record NodeView(
    [property: Id(0)] string NodeId, [property: Id(1)] string OwnerId, [property: Id(2)] bool AcceptsStrangers, [property: Id(3)] IReadOnlyList<string> TaskTypes,
    [property: Id(4)] ResourceRequest Total, [property: Id(5)] ResourceRequest Free, [property: Id(6)] bool CanTakeWork,
    [property: Id(7)] long Version)
{
    /// <summary>The owner's labels and those that follow from what the machine is (`gpu.model`, ...).</summary>
    [Id(8)] public IReadOnlyDictionary<string, string> Labels { get; init; } = ReadOnlyDictionary<string, string>.Empty;
    /// <summary>What has room reserved on it now, offers that are being granted too.</summary>
    [Id(9)] public IReadOnlyList<RunningTask> Running { get; init; } = [];
    /// <summary>Percent of the whole machine that is in use, whoever uses it: for the score only.</summary>
    [Id(10)] public double CpuPercent { get; init; }
    /// <summary>Why it takes no work although it is connected; empty: it does, or it is not connected.</summary>
    [Id(11)] public string Cordoned { get; init; } = "";
    /// <summary>The node's durable epoch, and which activation of its grain speaks.</summary>
    [Id(12)] public long Epoch { get; init; }
    [Id(13)] public string Activation { get; init; } = "";
    /// <summary>
    /// For a moment it takes nothing new: it looks into what became of attempts of before. It stays in the pool, and what it is kept for stays so.
    /// </summary>
    [Id(14)] public bool IsSettling { get; init; }
    /// <summary>How many more tasks of others than its owner it may take now, room or not; null: as many as fit.</summary>
    [Id(15)] public int? OthersLeft { get; init; }

    /// <summary>
    /// Whether this is to be believed after that. Which of two activations spoke later nobody can say, their clocks least of all: another one's word
    /// is news, and what was a late word of the older one is put right by the newer one's next.
    /// </summary>
    public bool IsNewsAfter(NodeView known) => Epoch != known.Epoch ? Epoch > known.Epoch : Activation != known.Activation || Version > known.Version;

    /// <summary>The same without the doubt: false between two activations of one epoch.</summary>
    public bool IsSurelyAfter(NodeView known) => Epoch != known.Epoch ? Epoch > known.Epoch : Activation == known.Activation && Version > known.Version;
}
