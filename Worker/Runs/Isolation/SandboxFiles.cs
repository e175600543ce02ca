using System.Reflection;
using System.Runtime.InteropServices;

namespace HiveMind.Workers.Runs;

/// <summary>
/// What every run of a worker is started with, written once: the launcher, the filter of system calls, and the small files in /etc that Unix programs
/// count on, which say of the sandbox what is so there: one user, one host name, the loopback addresses.
/// </summary>
public sealed record SandboxFiles(string Root)
{
    public const string HostName = "hivemind-task", UserName = "task";
    public const int UserId = 1000;

    private static readonly (string Name, string Text)[] Etc =
    [
        ("hosts", $"127.0.0.1\tlocalhost\n127.0.1.1\t{HostName}\n::1\tlocalhost ip6-localhost ip6-loopback\n"),
        ("hostname", HostName + "\n"),
        ("passwd", $"root:x:0:0:root:/:/usr/sbin/nologin\n{UserName}:x:{UserId}:{UserId}:task:/task:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"),
        ("group", $"root:x:0:\n{UserName}:x:{UserId}:\nnogroup:x:65534:\n"),
        ("nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\nprotocols: files\nnetworks: files\nethers: files\nrpc: files\n"),
        ("host.conf", "multi on\n"),
        ("resolv.conf", ""),
        ("shells", "/bin/sh\n"),
    ];

    /// <summary>The machine's own, where it has them; else the few lines that nearly every program needs.</summary>
    private static readonly (string Name, string[] Sources, string Text)[] Copied =
    [
        ("services", ["/etc/services", "/usr/etc/services"],
            "ftp\t21/tcp\nssh\t22/tcp\ntelnet\t23/tcp\nsmtp\t25/tcp\ndomain\t53/tcp\ndomain\t53/udp\nhttp\t80/tcp\nntp\t123/udp\nimap2\t143/tcp\nldap\t389/tcp\nhttps\t443/tcp\nhttps\t443/udp\nimaps\t993/tcp\npostgresql\t5432/tcp\n"),
        ("protocols", ["/etc/protocols", "/usr/etc/protocols"], "ip\t0\tIP\nicmp\t1\tICMP\ntcp\t6\tTCP\nudp\t17\tUDP\nipv6\t41\tIPv6\nipv6-icmp\t58\tIPv6-ICMP\nsctp\t132\tSCTP\n"),
        ("os-release", ["/etc/os-release", "/usr/lib/os-release"], "NAME=Linux\nID=linux\n"),
    ];

    public string Launcher => Path.Combine(Root, "launch.py");

    /// <summary>"" on a machine for which there is none.</summary>
    public string Filter { get; private init; } = "";

    /// <summary>What stands below /etc in the sandbox: the name there, the file here.</summary>
    public IEnumerable<(string Name, string File)> EtcFiles =>
        Etc.Select(one => one.Name).Concat(Copied.Select(one => one.Name)).Select(name => (name, Path.Combine(Root, name)));

    /// <summary><paramref name="countsAllMemory"/>: a control group counts what no process has mapped either.</summary>
    public static SandboxFiles Write(string root, bool countsAllMemory)
    {
        PrivateFolder.Create(root);
        var files = new SandboxFiles(root);
        using (var launcher = Assembly.GetExecutingAssembly().GetManifestResourceStream("launch.py")!)
        using (var copy = new FileStream(files.Launcher, FileMode.Create, FileAccess.Write))
            launcher.CopyTo(copy);
        foreach (var (name, text) in Etc) File.WriteAllText(Path.Combine(root, name), text);
        foreach (var (name, sources, text) in Copied)
            File.WriteAllText(Path.Combine(root, name), sources.FirstOrDefault(File.Exists) is { } source ? File.ReadAllText(source) : text);
        if (SeccompFilter.Build(RuntimeInformation.OSArchitecture, countsAllMemory) is not { } filter) return files;
        var path = Path.Combine(root, "filter.bpf");
        File.WriteAllBytes(path, filter);
        return files with { Filter = path };
    }
}
