using System.Globalization;
using System.Text.Json.Serialization;
using Google.Protobuf;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>The words of a `submit` as the request they mean.</summary>
internal sealed record SubmitInput
{
    private const int MostGraceSeconds = 300;

    /// <summary>The program itself.</summary>
    public string? Code { get; init; }
    /// <summary>Or where it is.</summary>
    public string? File { get; init; }
    public IReadOnlyList<string> Arguments { get; init; } = [];
    /// <summary>A file of any size; see <see cref="TaskFiles"/>.</summary>
    [JsonPropertyName("stdin")]
    public string? StandardInputFile { get; init; }
    /// <summary>Each NAME=VALUE, or NAME for what it is here.</summary>
    [JsonConverter(typeof(EnvironmentJson))]
    public IReadOnlyList<string> Env { get; init; } = [];
    public string? Grace { get; init; }
    public string? Cores { get; init; }
    public string? Memory { get; init; }
    public bool Gpu { get; init; }
    public int Gpus { get; init; }
    public string GpuModel { get; init; } = "";
    public string? GpuMemory { get; init; }
    public string? Disk { get; init; }
    /// <summary>Label expressions that must all hold; the hub says what is wrong with them.</summary>
    public IReadOnlyList<string> Require { get; init; } = [];
    public string Priority { get; init; } = "normal";
    public string? Timeout { get; init; }
    public string? RetryOn { get; init; }
    public bool NoRetryOnLostNode { get; init; }
    public string? MaxAttempts { get; init; }
    public string? QueueDeadline { get; init; }
    public string? TotalTimeout { get; init; }
    public string? Lease { get; init; }
    public string? MaxOutput { get; init; }
    public string Type { get; init; } = "python";
    /// <summary>Always one: a call whose answer was lost is sent again and must not become a second task.</summary>
    public required string RequestId { get; init; }

    /// <summary>The program's file when it is larger than that; it is then uploaded first.</summary>
    public string? FileAbove(int bytes) =>
        Code is null && File is not null && System.IO.File.Exists(File) && new FileInfo(File).Length > bytes ? File : null;

    /// <summary>All but the standard input and the content of a program that is uploaded first.</summary>
    public SubmitTaskRequest ToRequest(int uploadAbove = FileUpload.InOneMessage) => new()
    {
        TaskType = Type,
        TaskData = FileAbove(uploadAbove) is null ? Program() : ByteString.Empty,
        Arguments = { Arguments },
        Environment = { EnvironmentWords.Read(Env, System.Environment.GetEnvironmentVariable) },
        GraceSeconds = Grace is null ? 0 : GraceOf(Grace),
        Priority = PriorityOf(Priority),
        RequestId = RequestId,
        Retry = RetryText.Parse(RetryOn, NoRetryOnLostNode, MaxAttempts),
        QueueDeadlineSeconds = QueueDeadline is null ? 0 : DurationText.Seconds(QueueDeadline),
        LeaseSeconds = Lease is null ? 0 : DurationText.Seconds(Lease),
        TotalTimeoutSeconds = TotalTimeout is null ? 0 : DurationText.Seconds(TotalTimeout),
        Requirements = new TaskRequirements
        {
            CpuCores = Cores is null ? 0 : CoresOf(Cores),
            MemoryMb = Memory is null ? 0 : SizeText.Megabytes(Memory),
            GpuRequired = Gpu,
            GpuCount = Gpus,
            GpuModel = GpuModel,
            GpuMemoryMb = GpuMemory is null ? 0 : SizeText.Megabytes(GpuMemory),
            DiskMb = Disk is null ? 0 : SizeText.Megabytes(Disk),
            Labels = string.Join(", ", Require),
            TimeoutSeconds = Timeout is null ? 0 : DurationText.Seconds(Timeout),
            MaxOutputMb = MaxOutput is null ? 0 : SizeText.Megabytes(MaxOutput),
        },
    };

    private ByteString Program()
    {
        if (Code is null && File == "-" && StandardInputFile == "-")
        {
            throw CliException.Usage("'-' twice: our standard input is either the program or what the program reads. Name a file for one of them.");
        }

        if (Code is not null)
        {
            return ByteString.CopyFromUtf8(Code);
        }

        return File is not null
            ? ByteString.CopyFrom(ReadAll(File))
            : throw CliException.Usage("What shall run? Name a FILE.py, or give the code with -c CODE.");
    }

    private static double CoresOf(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var cores) && cores > 0
            ? cores
            : throw CliException.Usage($"--cores: '{text}' is no number above 0.");

    /// <summary>Of the wire, where 0 is the hub's default.</summary>
    private static int GraceOf(string text)
    {
        var seconds = DurationText.SecondsOrNone(text);
        return seconds <= MostGraceSeconds ? (seconds == 0 ? -1 : (int)seconds)
            : throw CliException.Usage($"--grace: '{text}' is longer than {MostGraceSeconds / 60}m, the longest that a machine waits between SIGTERM and SIGKILL.");
    }

    private static TaskPriority PriorityOf(string text) => text.ToLowerInvariant() switch
    {
        "low" => TaskPriority.Low,
        "normal" => TaskPriority.Normal,
        "high" => TaskPriority.High,
        "urgent" => TaskPriority.Urgent,
        _ => throw CliException.Usage($"--priority: '{text}' is none of low, normal, high, urgent."),
    };

    private static byte[] ReadAll(string path)
    {
        if (path != "-")
        {
            return System.IO.File.Exists(path) ? System.IO.File.ReadAllBytes(path) : throw CliException.Usage($"There is no file '{path}'.");
        }

        using var all = new MemoryStream();
        using var input = Console.OpenStandardInput();
        input.CopyTo(all);
        return all.ToArray();
    }
}
