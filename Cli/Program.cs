using HiveMind.Cli;

return await App.Run(args, new Terminal(Console.Out, new MessageWriter(Console.Error)));
