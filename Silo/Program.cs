return await HiveMind.SiloHost.Run(args, "dotnet run --project Cli --");
