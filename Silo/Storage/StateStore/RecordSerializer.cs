using HiveMind.Persistence;
using Orleans.Serialization;
using Orleans.Storage;

namespace HiveMind.Storage;

/// <summary>Orleans' own bytes for grain records; what they cannot be made into a record that this program knows is told apart from a state store that is away.</summary>
internal sealed class RecordSerializer(Serializer serializer) : IGrainStorageSerializer
{
    private readonly OrleansGrainStorageSerializer _inner = new(serializer);

    public BinaryData Serialize<T>(T? input) => _inner.Serialize(input);

    public T Deserialize<T>(BinaryData input)
    {
        T? record;
        try
        {
            record = _inner.Deserialize<T>(input);
        }
        catch (Exception damaged)
        {
            throw new UnreadableRecordException(damaged);
        }

        return record is null or IStoredRecord { CanBeRead: false } ? throw new UnreadableRecordException(null) : record;
    }
}

/// <summary>Those bytes are no record that this program knows.</summary>
internal sealed class UnreadableRecordException(Exception? cause) : Exception("The stored bytes cannot be read.", cause);
