namespace HiveMind.Users;

/// <summary>A feature of each connection to this silo. Whoever has found out that a caller on it is somebody says so: a crowd of strangers then cannot push it out.</summary>
public interface IKnownConnection
{
    /// <param name="subject">Whose it is: an account or a node, with a prefix that tells them apart.</param>
    void Know(string subject);
}
