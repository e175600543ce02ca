using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace HiveMind.Workers.Runs;

/// <summary>
/// What a sandboxed program may ask of the kernel, as container engines limit it: nothing that mounts, traces others, loads code into the
/// kernel, makes namespaces, asks for io_uring or another address family than a program without a network needs, and no system call that is
/// younger than this list. A pure builder of the program in the kernel's own format.
/// </summary>
internal static class SeccompFilter
{
    private const uint Allow = 0x7fff0000, KillProcess = 0x80000000, Refuse = 0x00050000;
    private const uint NotPermitted = 1, NoSuchCall = 38, NoSuchFamily = 97;
    private const ushort LoadWord = 0x20, JumpEqual = 0x15, JumpGreater = 0x25, JumpBits = 0x45, Return = 0x06;
    private const uint Number = 0, Machine = 4;

    /// <summary>The youngest system call that has been looked at (futex_requeue, Linux 6.7); both machines count alike there.</summary>
    private const uint YoungestKnown = 456;

    /// <summary>All CLONE_NEW… flags but the one for time, which clone cannot ask for.</summary>
    private const uint NewNamespaces = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;

    private static readonly uint[] Terminal = [0x5412 /* TIOCSTI: types into it */, 0x541C /* TIOCLINUX */];
    private static readonly uint[] Personalities = [0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF];
    /// <summary>AF_UNIX, AF_INET, AF_INET6; AF_NETLINK is looked at more closely.</summary>
    private static readonly uint[] Families = [1, 2, 10];
    private const uint Netlink = 16;

    /// <summary>A system call by its number on x86-64 and on arm64; -1: there is none.</summary>
    private readonly record struct Call(string Name, int X64, int Arm64);

    private static readonly Call Clone = new("clone", 56, 220), Clone3 = new("clone3", 435, 435), Socket = new("socket", 41, 198),
        Ioctl = new("ioctl", 16, 29), Personality = new("personality", 135, 92), SharedMemory = new("shmget", 29, 194);

    private static readonly Call[] Denied =
    [
        new("acct", 163, 89), new("add_key", 248, 217), new("bpf", 321, 280), new("chroot", 161, 51), new("clock_adjtime", 305, 266),
        new("clock_settime", 227, 112), new("create_module", 174, -1), new("delete_module", 176, 106), new("fanotify_init", 300, 262),
        new("finit_module", 313, 273), new("fsconfig", 431, 431), new("fsmount", 432, 432), new("fsopen", 430, 430), new("fspick", 433, 433),
        new("get_kernel_syms", 177, -1), new("init_module", 175, 105), new("io_uring_enter", 426, 426), new("io_uring_register", 427, 427),
        new("io_uring_setup", 425, 425), new("ioperm", 173, -1), new("iopl", 172, -1), new("kcmp", 312, 272), new("kexec_file_load", 320, 294),
        new("kexec_load", 246, 104), new("keyctl", 250, 219), new("lookup_dcookie", 212, 18), new("mbind", 237, 235),
        new("memfd_secret", 447, 447), new("migrate_pages", 256, 238), new("mount", 165, 40), new("mount_setattr", 442, 442),
        new("move_mount", 429, 429), new("move_pages", 279, 239), new("name_to_handle_at", 303, 264), new("nfsservctl", 180, 42),
        new("open_by_handle_at", 304, 265), new("open_tree", 428, 428), new("perf_event_open", 298, 241), new("pidfd_getfd", 438, 438),
        new("pivot_root", 155, 41), new("process_vm_readv", 310, 270), new("process_vm_writev", 311, 271), new("ptrace", 101, 117),
        new("query_module", 178, -1), new("quotactl", 179, 60), new("quotactl_fd", 443, 443), new("reboot", 169, 142),
        new("request_key", 249, 218), new("set_mempolicy", 238, 237), new("set_mempolicy_home_node", 450, 450), new("setdomainname", 171, 162),
        new("sethostname", 170, 161), new("setns", 308, 268), new("settimeofday", 164, 170), new("swapoff", 168, 225), new("swapon", 167, 224),
        new("_sysctl", 156, -1), new("sysfs", 139, -1), new("syslog", 103, 116), new("umount2", 166, 39), new("unshare", 272, 97),
        new("uselib", 134, -1), new("userfaultfd", 323, 282), new("ustat", 136, -1), new("vhangup", 153, 58),
    ];

    /// <summary>Null on a machine whose numbers are not known here. <paramref name="withSharedMemory"/>: System V's, which outlives its process.</summary>
    public static byte[]? Build(Architecture machine, bool withSharedMemory)
    {
        var (audit, isX64) = machine switch
        {
            Architecture.X64 => (0xC000003Eu, true),
            Architecture.Arm64 => (0xC00000B7u, false),
            _ => (0u, false),
        };
        if (audit == 0) return null;
        var program = new Program();
        program.Add(LoadWord, Machine);
        program.Add(JumpEqual, audit, 1, 0);
        program.Add(Return, KillProcess); // another machine's calls by this one's numbers
        program.Add(LoadWord, Number);
        program.Add(JumpGreater, YoungestKnown, 0, 1); // on x86-64 also all of its 32-bit sort, which begin at 2^30
        program.Add(Return, Refuse | NoSuchCall);
        foreach (var call in Denied)
            program.If(Of(call), Refuse | NotPermitted);
        // Its flags lie in memory, where no filter sees them: the C library falls back to the older one.
        program.If(Of(Clone3), Refuse | NoSuchCall);
        if (!withSharedMemory)
            program.If(Of(SharedMemory), Refuse | NoSuchCall);
        program.When(Of(Clone), Argument(0), body => { body.Add(JumpBits, NewNamespaces, 0, 1); body.Add(Return, Refuse | NotPermitted); });
        program.When(Of(Ioctl), Argument(1), body => { foreach (var request in Terminal) body.If((int)request, Refuse | NotPermitted); });
        program.When(Of(Personality), Argument(0), body =>
        {
            foreach (var good in Personalities) body.IfWord(good, Allow);
            body.Add(Return, Refuse | NotPermitted);
        });
        program.When(Of(Socket), Argument(0), body =>
        {
            foreach (var family in Families) body.IfWord(family, Allow);
            body.Add(JumpEqual, Netlink, 1, 0);
            body.Add(Return, Refuse | NoSuchFamily);
            body.Add(LoadWord, Argument(2));
            body.Add(JumpEqual, 0, 1, 0); // the list of network interfaces, which looking up a name asks for
            body.Add(Return, Refuse | NoSuchFamily);
        });
        program.Add(Return, Allow);
        return program.ToBytes();

        int Of(Call call) => isX64 ? call.X64 : call.Arm64;
    }

    /// <summary>The lower half of an argument: on both machines it comes first.</summary>
    private static uint Argument(uint index) => 16 + (8 * index);

    private sealed class Program
    {
        private readonly List<(ushort Code, byte True, byte False, uint Value)> _steps = [];

        public void Add(ushort code, uint value, byte ifTrue = 0, byte ifFalse = 0) => _steps.Add((code, ifTrue, ifFalse, value));

        public void If(int number, uint answer)
        {
            if (number >= 0) IfWord((uint)number, answer);
        }

        public void IfWord(uint word, uint answer)
        {
            Add(JumpEqual, word, 0, 1);
            Add(Return, answer);
        }

        /// <summary>Looks at an argument of one call; what its body does not decide goes on, with the call's number loaded again.</summary>
        public void When(int number, uint argument, Action<Program> body)
        {
            var inner = new Program();
            inner.Add(LoadWord, argument);
            body(inner);
            inner.Add(LoadWord, Number);
            Add(JumpEqual, (uint)number, 0, checked((byte)inner._steps.Count));
            _steps.AddRange(inner._steps);
        }

        public byte[] ToBytes()
        {
            var bytes = new byte[_steps.Count * 8];
            for (var i = 0; i < _steps.Count; i++)
            {
                var at = bytes.AsSpan(i * 8);
                BinaryPrimitives.WriteUInt16LittleEndian(at, _steps[i].Code);
                (at[2], at[3]) = (_steps[i].True, _steps[i].False);
                BinaryPrimitives.WriteUInt32LittleEndian(at[4..], _steps[i].Value);
            }
            return bytes;
        }
    }
}
