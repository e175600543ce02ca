namespace HiveMind.Cli;

/// <summary>The hub of this machine and user: where the silo of this data directory wrote that it listens, else the default address.</summary>
internal sealed class LocalHub(string dataDirectory)
{
    public Uri Address
    {
        get
        {
            var file = Path.Combine(dataDirectory, Hosting.LocalAddressFile.Name);
            try
            {
                return File.Exists(file) ? HubAddress.Read(File.ReadAllText(file).Trim()) : new Uri(Verb.DefaultHub);
            }
            catch (UnauthorizedAccessException)
            {
                return new Uri(Verb.DefaultHub);
            }
        }
    }
}
