using HiveMind.Simulation;

return SimulatorCommand.Run(args);
