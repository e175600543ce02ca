using HiveMind.Tasks;

namespace HiveMind.Edge;

/// <summary>The two outputs of a program, as the wire names them.</summary>
internal static class OutputStreams
{
    public const string Stdout = "stdout", Stderr = "stderr";

    public static bool IsKnown(string name) => name is Stdout or Stderr;

    public static BlobRef Of(TaskSnapshot task, string name) => name == Stderr ? task.Stderr : task.Result;
}
