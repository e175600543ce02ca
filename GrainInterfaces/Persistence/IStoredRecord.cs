namespace HiveMind.Persistence;

/// <summary>What a grain stores. Bytes that can be unpacked may still say what this program does not know.</summary>
public interface IStoredRecord
{
    /// <summary>False for a later program's version, and where what every such record has is missing.</summary>
    bool CanBeRead { get; }
}
