// Log in, submit a program, watch it, print what it prints.   dotnet run --project examples/csharp -- http://HOST:PORT USER PROGRAM.py   (password on stdin)
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

var (address, user, program) = (args[0], args[1], args[2]);
using var channel = GrpcChannel.ForAddress(address);
try
{
    var login = await new UserService.UserServiceClient(channel).LoginUserAsync(new() { Username = user, Password = Console.ReadLine() });
    var me = new Metadata { { "authorization", $"Bearer {login.SessionToken}" } };
    var tasks = new MasterNodeService.MasterNodeServiceClient(channel);

    var code = ByteString.CopyFrom(await File.ReadAllBytesAsync(program));
    var task = await tasks.SubmitTaskAsync(new() { TaskType = "python", TaskData = code }, me);
    using var watch = tasks.WatchTask(new() { TaskId = task.TaskId, WithOutput = true }, me);
    using Stream stdout = Console.OpenStandardOutput(), stderr = Console.OpenStandardError();
    var status = "";
    await foreach (var happened in watch.ResponseStream.ReadAllAsync())
    {
        status = happened.Snapshot?.Status ?? status;
        if (happened.Output is { } output) (output.Stream == "stderr" ? stderr : stdout).Write(output.Data.Span);
    }
    return status == "completed" ? 0 : 1;
}
catch (RpcException refused)
{
    // Every refusal says which field is wrong and what would be right.
    Console.Error.WriteLine($"{refused.StatusCode}: {refused.Status.Detail}");
    foreach (var field in refused.GetRpcStatus()?.GetDetail<BadRequest>()?.FieldViolations ?? []) Console.Error.WriteLine($"  {field.Field}: {field.Description}");
    return 2;
}
