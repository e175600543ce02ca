using HiveMind.Simulation;

return Cli.Run(args);
