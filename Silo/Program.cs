return await HiveMind.SiloHost.Run(args);
