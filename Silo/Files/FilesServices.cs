namespace HiveMind.Storage;

public static class FilesServices
{
    public static IServiceCollection AddFiles(this IServiceCollection services, DirectoryFiles files)
    {
        services.AddSingleton(files);
        services.AddSingleton<IFiles>(files);
        return services;
    }
}
