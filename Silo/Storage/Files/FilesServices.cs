namespace HiveMind.Storage;

public static class FilesServices
{
    public static IServiceCollection AddFiles(this IServiceCollection services, DirectoryFiles files)
    {
        services.AddSingleton(files);
        services.AddSingleton<IGuardedStore>(files);
        services.AddSingleton<IFiles>(files);
        services.AddSingleton(new DirectoryPartialFiles(files));
        services.AddSingleton<DirectoryUploads>();
        services.AddSingleton<IUploads>(provider => provider.GetRequiredService<DirectoryUploads>());
        services.AddSingleton<IPartialFiles>(provider => provider.GetRequiredService<DirectoryPartialFiles>());
        return services;
    }
}
