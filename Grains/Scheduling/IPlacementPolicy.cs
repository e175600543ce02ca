namespace HiveMind.Scheduling;

/// <summary>Which of the nodes that fit is best: the highest score wins, equal scores go to the lower node id.</summary>
public interface IPlacementPolicy
{
    /// <param name="node">A node on which the request fits.</param>
    /// <param name="free">What is free on it, offers on their way already taken off.</param>
    /// <param name="request">What the task would reserve.</param>
    double Score(NodeView node, ResourceRequest free, ResourceRequest request);
}
