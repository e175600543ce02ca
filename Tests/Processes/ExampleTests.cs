using System.Diagnostics;
using Grpc.Reflection.V1Alpha;

namespace HiveMind.Tests.Processes;

/// <summary>The example clients, run as their comments say and shown whole in the README; and what tools like grpcurl ask first.</summary>
public sealed class ExampleTests(ExamplePool pool) : IClassFixture<ExamplePool>
{
    private const string Python = "/usr/bin/python3";

    [Fact]
    public async Task Python_Submit_PrintsWhatTheTaskPrints()
    {
        Assert.SkipUnless(File.Exists(Python) && (await Run(Python, null, "-c", "import grpc, grpc_tools")).ExitCode == 0,
            "python3-grpcio and python3-grpc-tools are not installed");
        var stubs = Directory.CreateTempSubdirectory("hivemind-stubs-").FullName;
        try
        {
            var protos = Path.Combine(Repository.Root, "Protos");
            var made = await Run(Python, null, "-m", "grpc_tools.protoc", "-I", protos, $"--python_out={stubs}", $"--grpc_python_out={stubs}", "nodepool.proto");
            Assert.True(made.ExitCode == 0, made.Errors);
            File.Copy(Path.Combine(Repository.Root, "examples/python/submit.py"), Path.Combine(stubs, "submit.py"));
            await Ends(Python, Path.Combine(stubs, "submit.py"), pool.Pool.Address["http://".Length..]);
        }
        finally
        {
            Directory.Delete(stubs, recursive: true);
        }
    }

    [Fact]
    public Task CSharp_Submit_PrintsWhatTheTaskPrints()
    {
        var configuration = AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";
        return Ends("dotnet", Path.Combine(Repository.Root, "examples/csharp/bin", configuration, "net10.0/submit.dll"), pool.Pool.Address);
    }

    [Theory]
    [InlineData("examples/python/submit.py", "python")]
    [InlineData("examples/csharp/Program.cs", "csharp")]
    public void Readme_ShowsTheExampleWhole(string path, string language) => Assert.Contains(
        $"```{language}\n{File.ReadAllText(Path.Combine(Repository.Root, path)).TrimEnd()}\n```",
        File.ReadAllText(Path.Combine(Repository.Root, "README.md")), StringComparison.Ordinal);

    [Fact]
    public async Task Reflection_OnLoopback_ListsTheServices()
    {
        using var call = new ServerReflection.ServerReflectionClient(pool.Pool.Channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new() { ListServices = "" });
        Assert.True(await call.ResponseStream.MoveNext(default));
        var services = call.ResponseStream.Current.ListServicesResponse.Service.Select(service => service.Name);
        Assert.Superset(new HashSet<string> { "nodepool.UserService", "nodepool.NodeManagerService", "nodepool.MasterNodeService" }, services.ToHashSet());
        await call.RequestStream.CompleteAsync();
    }

    private async Task Ends(string program, string script, string address)
    {
        Assert.SkipUnless(File.Exists(Python), "python3, which the task needs, is not installed");
        var task = Path.Combine(pool.Folder, "task.py");
        var good = await Run(program, ExamplePool.Password, script, address, "example", task);
        Assert.Equal((0, "6 times 7 is 42\n"), (good.ExitCode, good.Output));
        var wrong = await Run(program, "not the password", script, address, "example", task);
        Assert.NotEqual(0, wrong.ExitCode);
        Assert.Contains("UNAUTHENTICATED", wrong.Errors, StringComparison.OrdinalIgnoreCase);
    }

    private static async Task<(int ExitCode, string Output, string Errors)> Run(string program, string? input, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteLineAsync(input);
        process.StandardInput.Close();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        await process.WaitForExitAsync(patience.Token);
        return (process.ExitCode, await output, await errors);
    }
}

/// <summary>A pool with a worker and the account that the examples log in with.</summary>
public sealed class ExamplePool() : SharedPool
{
    public const string Password = "correct horse battery";
    private WorkerProcess? _worker;

    public string Folder { get; } = Directory.CreateTempSubdirectory("hivemind-example-").FullName;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        var user = await Pool.NewUser("example");
        _worker = await Pool.StartWorker(user, "example-node", "--unsandboxed");
        await File.WriteAllTextAsync(Path.Combine(Folder, "task.py"), "print('6 times 7 is', 6 * 7)\n");
    }

    public override ValueTask DisposeAsync()
    {
        _worker?.Dispose();
        Directory.Delete(Folder, recursive: true);
        return base.DisposeAsync();
    }
}
