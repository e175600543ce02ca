namespace HiveMind;

public sealed class BandWeights
{
    public double Low { get; set; } = 0.5;
    public double Normal { get; set; } = 1;
    public double High { get; set; } = 2;
    public double Urgent { get; set; } = 4;
}
