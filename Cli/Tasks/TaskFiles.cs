using Google.Protobuf;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>The files of submissions: what is small goes in the message, what is larger is uploaded first, and once however many tasks name it.</summary>
internal sealed class TaskFiles(FileUpload uploads)
{
    private readonly Dictionary<string, UploadPayloadResponse> uploaded = [];

    public async Task Attach(SubmitInput input, SubmitTaskRequest request, int uploadAbove, CancellationToken stop)
    {
        if (input.FileAbove(uploadAbove) is { } program)
        {
            var sent = await Once(program, () => uploads.Send(program, stop));
            (request.PayloadSha256, request.PayloadSize) = (sent.Sha256, sent.Size);
        }

        if (input.StandardInputFile is not { } path)
        {
            return;
        }

        if (uploaded.TryGetValue(Path.GetFullPath(path), out var known))
        {
            (request.StandardInputSha256, request.StandardInputSize) = (known.Sha256, known.Size);
            return;
        }

        await using var content = await InputContent.Open(path, uploads.CheckSize, stop);
        if (content.Small is { } small)
        {
            request.StandardInput = ByteString.CopyFrom(small);
            return;
        }

        var large = content.IsFile ? await Once(path, () => uploads.Send(content.Large!, stop)) : await uploads.Send(content.Large!, stop);
        (request.StandardInputSha256, request.StandardInputSize) = (large.Sha256, large.Size);
    }

    private async Task<UploadPayloadResponse> Once(string path, Func<Task<UploadPayloadResponse>> send)
    {
        var whole = Path.GetFullPath(path);
        return uploaded.TryGetValue(whole, out var sent) ? sent : uploaded[whole] = await send();
    }
}
