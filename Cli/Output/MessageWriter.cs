using System.Text;

namespace HiveMind.Cli;

/// <summary>Standard error, where what cannot be written is dropped: nothing that has to be ended in order hangs on a terminal that was closed.</summary>
internal sealed class MessageWriter(TextWriter writer) : TextWriter
{
    public override Encoding Encoding => writer.Encoding;

    public override void Write(char value) => Try(() => writer.Write(value));

    public override void Write(string? value) => Try(() => writer.Write(value));

    public override void WriteLine(string? value) => Try(() => writer.WriteLine(value));

    public override void Flush() => Try(writer.Flush);

    private static void Try(Action write)
    {
        try
        {
            write();
        }
        catch (IOException)
        {
        }
    }
}
