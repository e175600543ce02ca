namespace HiveMind.Storage;

/// <summary>Milliseconds: the mean, and what half and 95 of 100 did not exceed (a value that occurred; 0 when nothing ran).</summary>
public sealed record TimeSpread(double MeanMs, long P50Ms, long P95Ms);
