using HiveMind.Cli;

return await App.Run(args, new Terminal(Console.Out, Console.Error));
