using HiveMind.Cli;
using HiveMind.Workers;

return await App.Run(args, new Terminal(Console.Out, new MessageWriter(Console.Error)), WorkerProcess.Prepare);
