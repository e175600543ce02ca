# Attempts to get out of a run, each of which must fail. Usage: main.py CLASS SECRET_FILE PORT ABSTRACT_SOCKET WORKER_PID
# CLASS is "sandbox" (all of them), "namespace" or "bare" (those that this class holds off). Prints one line an attempt: "held NAME" or "ESCAPED NAME what".
import ctypes, errno, fcntl, os, platform, resource, signal, socket, stat, subprocess, sys, termios

kind, secret, port, abstract, worker = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
libc = ctypes.CDLL(None, use_errno=True)
X64 = platform.machine() == "x86_64"
attempts = []


def attempt(*classes):
    def add(function):
        if kind == "sandbox" or kind in classes:
            attempts.append(function)
        return function
    return add


def syscall(x64, arm64, *arguments):
    """What the kernel answers; it must be an error."""
    ctypes.set_errno(0)
    answer = libc.syscall(ctypes.c_long(x64 if X64 else arm64), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if answer >= 0:
        return "answered %d" % answer
    raise OSError(ctypes.get_errno(), "refused")


def reads(path):
    with open(path, "rb") as file:
        start = file.read(40)
    if not start:
        raise OSError(errno.ENODATA, "empty")
    return "read %r" % start


def writes(path):
    """Only opened: where it is possible after all, the machine that runs this stays as it is."""
    with open(path, "ab"):
        return "may be written"


def runs(*command):
    done = subprocess.run(command, capture_output=True, timeout=10)
    if done.returncode == 0:
        return "ran: %r" % done.stdout[:80]
    raise OSError(done.returncode, "refused")


def for_each(name, values, what, *classes):
    for value in values:
        def one(value=value):
            return what(value)
        one.__name__ = "%s %s" % (name, value)
        attempt(*classes)(one)


# Files of the machine.
for_each("read", ["/etc/shadow", secret, "/root/.bashrc", "/proc/1/root/etc/shadow", "/proc/kcore", "/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/nvme0n1",
                  "/var/log/dpkg.log", "/etc/machine-id", "/proc/1/mem"], reads)
for_each("write", ["/usr/x", "/bin/x", "/lib/x", "/etc/hosts", "/etc/x", "/x", "/run/x", "/run/hivemind/launch.py", "/dev/x", "/sys/x", "/proc/sys/kernel/core_pattern",
                   "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches", "/proc/sys/fs/binfmt_misc/register", "/sys/devices/system/cpu/online", "/sys/fs/cgroup/cgroup.procs"], writes)
for_each("list", ["/root", "/home", "/var/lib", "/run/systemd", "/tmp/.X11-unix"], lambda path: os.listdir(path))


@attempt()
def write_anything_of_the_machine():
    """Whatever the lists above have forgotten."""
    found = []
    for root in ("/proc", "/sys", "/etc", "/dev", "/run", "/usr/lib", "/usr/bin"):
        for folder, folders, files in os.walk(root):
            if root == "/proc":
                folders[:] = [name for name in folders if not name.isdigit() and name not in ("self", "thread-self")]
            found += [path for path in (os.path.join(folder, name) for name in files + folders) if not os.path.islink(path) and os.access(path, os.W_OK)]
    # Devices that give nothing away, the folders that are the task's own, and what is empty instead of the machine's.
    own = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/shm", "/dev/pts")
    return [path for path in found if not path.startswith(own) and not (path.startswith("/proc/") and stat.S_ISCHR(os.stat(path).st_mode))][:20]


@attempt()
def follow_a_link_out():
    os.symlink(secret, "out")
    return reads("out")


@attempt()
def keep_a_file_of_the_system_by_a_second_name():
    os.link("/usr/bin/env", "env")
    return "linked"


@attempt()
def climb_above_the_own_folder():
    return reads("../" * 40 + secret.lstrip("/"))


@attempt()
def make_a_disk_device():
    os.mknod("disk", stat.S_IFBLK | 0o600, os.makedev(254, 0))
    return reads("disk")


@attempt()
def sockets_of_services():
    for path in ("/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/containerd/containerd.sock"):
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(path)
            return path
        except OSError:
            pass
    raise OSError(errno.ENOENT, "none")


# Rights.
@attempt("namespace", "bare")
def become_root():
    if os.getuid() == 0:
        raise OSError(errno.EPERM, "it is the worker's own user")
    os.setuid(0)
    return "root"


@attempt("namespace", "bare")
def gain_rights_by_a_set_user_id_program():
    with open("/proc/self/status") as file:
        return None if "NoNewPrivs:\t1" in file.read() else "set-user-id programs give rights"


@attempt()
def have_capabilities():
    with open("/proc/self/status") as file:
        lines = [line for line in file if line.startswith(("CapEff", "CapPrm", "CapBnd", "CapAmb"))]
    return None if all(int(line.split()[1], 16) == 0 for line in lines) else lines


@attempt()
def have_no_filter_of_system_calls():
    with open("/proc/self/status") as file:
        return None if "Seccomp:\t2" in file.read() else "no filter"


@attempt("namespace")
def raise_a_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if os.getuid() == 0 and kind != "sandbox":
        raise OSError(errno.EPERM, "root may")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1))
    return "raised"


@attempt()
def run_before_all_others():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    return "real time"


@attempt()
def run_more_urgently():
    os.setpriority(os.PRIO_PROCESS, 0, -10)
    return "nice -10"


@attempt()
def be_the_last_to_go_without_memory():
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("-1000")
    return "-1000"


@attempt("namespace")
def leave_the_processors():
    if kind != "sandbox" and os.cpu_count() == 1:
        raise OSError(errno.EPERM, "one only")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count()))
    after, _ = os.sched_getaffinity(0), os.sched_setaffinity(0, before)
    # The affinity is advice; what holds is the quota of the control group. Here only: no more than it was told that there are.
    return None if len(after) <= os.cpu_count() else after


# The kernel's doors.
NEW = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x8000000, "uts": 0x4000000, "cgroup": 0x2000000}
for_each("unshare", sorted(NEW), lambda name: syscall(272, 97, NEW[name]))


@attempt()
def clone_into_a_user_namespace():
    return syscall(56, 220, NEW["user"] | signal.SIGCHLD, 0, 0, 0, 0)


@attempt()
def clone3_into_a_user_namespace():
    return syscall(435, 435, ctypes.create_string_buffer(NEW["user"].to_bytes(8, "little") + bytes(80)), 88)


@attempt()
def mount_memory():
    return syscall(165, 40, b"none", b"/tmp", b"tmpfs", 0, 0)


@attempt()
def make_the_root_writable():
    return syscall(165, 40, b"none", b"/", 0, 0x20 | 0x1000, 0)


@attempt()
def unmount_proc():
    return syscall(166, 39, b"/proc", 2)


@attempt()
def unmount_what_covers_the_processors():
    return syscall(166, 39, b"/sys/devices/system/cpu/online", 2)


for_each("call", [
    ("pivot_root", 155, 41, b"/tmp", b"/tmp"), ("chroot", 161, 51, b"/tmp"), ("setns", 308, 268, 0, 0), ("bpf", 321, 280, 0, 0, 0),
    ("perf_event_open", 298, 241, 0, 0, -1, -1, 0), ("io_uring_setup", 425, 425, 8, ctypes.create_string_buffer(120)), ("userfaultfd", 323, 282, 0),
    ("keyctl", 250, 219, 0, -3, 1), ("add_key", 248, 217, b"user", b"x", b"y", 1, -3), ("request_key", 249, 218, b"user", b"x", 0, 0),
    ("init_module", 175, 105, b"x", 1, b""), ("finit_module", 313, 273, 0, b"", 0), ("delete_module", 176, 106, b"x", 0), ("kexec_load", 246, 104, 0, 0, 0, 0),
    ("reboot", 169, 142, 0xfee1dead, 672274793, 0, 0), ("swapon", 167, 224, b"/task/x", 0), ("acct", 163, 89, 0), ("syslog", 103, 116, 3, ctypes.create_string_buffer(64), 64),
    ("settimeofday", 164, 170, ctypes.create_string_buffer(16), 0), ("clock_settime", 227, 112, 0, ctypes.create_string_buffer(16)),
    ("sethostname", 170, 161, b"x", 1), ("quotactl", 179, 60, 0, 0, 0, 0), ("name_to_handle_at", 303, 264, -100, b"/", ctypes.create_string_buffer(b"\x80\0\0\0" + bytes(200)), ctypes.create_string_buffer(8), 0),
    ("open_by_handle_at", 304, 265, 0, ctypes.create_string_buffer(64), 0), ("ptrace the first process", 101, 117, 16, 1, 0, 0),
    ("process_vm_readv", 310, 270, 1, 0, 0, 0, 0, 0), ("open_tree", 428, 428, -100, b"/", 1), ("fsopen", 430, 430, b"tmpfs", 0),
    ("fanotify_init", 300, 262, 0, 0), ("personality", 135, 92, 0x0040000), ("memfd_secret", 447, 447, 0), ("a call from the future", 600, 600),
], lambda call: syscall(*call[1:]))


@attempt()
def type_into_the_terminal():
    fcntl.ioctl(0, 0x5412, b"x")
    return "typed"


@attempt()
def open_the_terminal():
    return os.open("/dev/tty", os.O_RDWR)


# Other processes.
@attempt("namespace")
def see_other_processes():
    there = [pid for pid in os.listdir("/proc") if pid.isdigit()]
    return None if len(there) < 10 else "%d of them" % len(there)


@attempt("namespace")
def signal_the_worker():
    os.kill(worker, 0)
    return "it is there"


@attempt("namespace")
def end_the_own_launcher():
    if os.getpid() == 1:
        raise OSError(errno.EPERM, "it is the first")
    os.kill(1, signal.SIGKILL)
    os.kill(1, signal.SIGHUP)
    os.stat("/proc/1/stat")
    raise OSError(errno.EPERM, "it lives")


@attempt("namespace", "bare")
def inherited_descriptors():
    there = []
    for name in os.listdir("/proc/self/fd"):
        try:
            there.append(os.readlink("/proc/self/fd/" + name))
        except OSError:
            pass  # the one that lists them
    return None if all(target.startswith(("pipe:", "/dev/null")) for target in there) else there


@attempt("namespace", "bare")
def environment_of_the_worker():
    return None if "SECRET_OF_WORKER" not in os.environ else "there"


@attempt()
def environment_of_the_first_process():
    with open("/proc/1/environ", "rb") as file:
        return None if b"SECRET_OF_WORKER" not in file.read() else "there"


@attempt("namespace", "bare")
def ignored_signals():
    with open("/proc/self/status") as file:
        lines = dict(line.split(":\t", 1) for line in file if ":\t" in line)
    # The interpreter itself ignores SIGPIPE and SIGXFSZ.
    return None if int(lines["SigBlk"], 16) == 0 and int(lines["SigIgn"], 16) & ~((1 << 12) | (1 << 24)) == 0 else lines["SigIgn"]


@attempt("namespace", "bare")
def leave_a_core_behind():
    return None if resource.getrlimit(resource.RLIMIT_CORE)[0] == 0 else "cores"


# The network.
def connects(address, family=socket.AF_INET):
    s = socket.socket(family)
    s.settimeout(1)
    s.connect(address)
    return "connected"


@attempt()
def reach_the_machine():
    return connects(("127.0.0.1", port))


@attempt()
def reach_the_network():
    return connects(("192.0.2.1", 80))


@attempt()
def reach_an_abstract_socket():
    return connects("\0" + abstract, socket.AF_UNIX)


@attempt()
def see_network_interfaces():
    there = [name for _, name in socket.if_nameindex()]
    return None if there == ["lo"] else there


for_each("socket", [("AF_PACKET", 17, 3, 3), ("AF_VSOCK", 40, 1, 0), ("AF_ALG", 38, 5, 0), ("AF_NETLINK audit", 16, 3, 9), ("AF_NETLINK kobject", 16, 3, 15), ("AF_KEY", 15, 3, 2), ("raw", 2, 3, 1)],
         lambda s: socket.socket(*s[1:]))


# Programs that would help.
for_each("program", [("su", "-c", "true"), ("mount", "-t", "tmpfs", "none", "/tmp"), ("unshare", "-r", "true"), ("bwrap", "--ro-bind", "/", "/", "true"), ("nsenter", "-t", "1", "-m", "true"),
                     ("chroot", "/tmp", "true"), ("dmesg",), ("losetup", "-f")], lambda command: runs(*command))

held = 0
for one in attempts:
    try:
        what = one()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        what = None
    if what is None or what == []:
        held += 1
    else:
        print("ESCAPED", one.__name__, what, flush=True)
print("held", held, "of", len(attempts))
