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
            var sent = Known(program) ?? (uploaded[Path.GetFullPath(program)] = await uploads.Send(program, stop));
            (request.PayloadSha256, request.PayloadSize) = (sent.Sha256, sent.Size);
        }

        if (input.StandardInputFile is { } path)
        {
            await Give(path, request, stop);
        }
    }

    private async Task Give(string path, SubmitTaskRequest request, CancellationToken stop)
    {
        var sent = Known(path);
        if (sent is null)
        {
            await using var content = await InputContent.Open(path, uploads.CheckSize, stop);
            if (content.Small is { } small)
            {
                request.StandardInput = ByteString.CopyFrom(small);
                return;
            }

            sent = await uploads.Send(content.Large!, stop);
            if (content.IsFile)
            {
                uploaded[Path.GetFullPath(path)] = sent;
            }
        }

        (request.StandardInputSha256, request.StandardInputSize) = (sent.Sha256, sent.Size);
    }

    private UploadPayloadResponse? Known(string path) => uploaded.GetValueOrDefault(Path.GetFullPath(path));
}
