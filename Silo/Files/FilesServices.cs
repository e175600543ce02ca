namespace HiveMind.Storage;

public static class FilesServices
{
    public static IServiceCollection AddFiles(this IServiceCollection services, DirectoryFiles files)
    {
        services.AddSingleton(files);
        services.AddSingleton<IFiles>(files);
        services.AddSingleton(new PartialFiles(files));
        services.AddSingleton<IPartialFiles>(provider => provider.GetRequiredService<PartialFiles>());
        return services;
    }
}
