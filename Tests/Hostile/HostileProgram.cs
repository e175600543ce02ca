using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace HiveMind.Tests.Hostile;

/// <summary>
/// A small Python program of nasty acts, from a seed: what it leaves in files, whom it signals, what it starts, what it prints, what it uses too much of,
/// and how it ends. The same seed is the same program. It is run by root too, where nothing but a namespace holds it: no act may reach what is not its own.
/// </summary>
internal static partial class HostileProgram
{
    /// <summary>N stands for a small number, NAME for a name.</summary>
    private static readonly string[] Acts =
    [
        // files
        "for i in range(N * 3): os.mkdir('d' * 200); os.chdir('d' * 200)\nopen('deep', 'wb').write(b'z' * 100000)",
        "os.makedirs(NAME); open(NAME + b'/' + NAME, 'wb').write(b'x' * N)",
        "os.makedirs('shut/in', exist_ok=True); open('shut/in/f', 'w').write('x'); os.chmod('shut/in', N % 2 * 0o300); os.chmod('shut', 0)",
        "s = socket.socket(socket.AF_UNIX); s.bind('sock%d' % N); s.listen(1); keep.append(s)",
        "os.mkfifo('fifo%d' % N)",
        "os.mkfifo('waits'); open('waits').read()",
        "os.mknod('dev%d' % N, stat.S_IFCHR | 0o600, os.makedev(1, 3)); os.mknod('blk%d' % N, stat.S_IFBLK | 0o600, os.makedev(240, N))",
        "open('h', 'w').write('x'); [os.link('h', 'h%d' % i) for i in range(N * 10)]",
        "f = open('sparse', 'wb'); f.truncate(N << 26); f.seek(N << 20); f.write(b'x')",
        "for i in range(N * 60): open('many%d' % i, 'w').close()",
        "for i in range(N * 30): os.makedirs('a%d/b/c' % i); open('a%d/b/c/f' % i, 'w').write('x' * 1000)",
        "f = open('gone', 'wb'); f.write(b'x' * (N << 18)); f.flush(); os.remove('gone'); keep.append(f)",
        "f = os.open('.', os.O_TMPFILE | os.O_RDWR); os.write(f, b'x' * (N << 16))",
        "os.rename('main.py', 'other.py'); os.mkdir('main.py')",
        "os.chmod('.', 0); os.chmod(os.environ['TMPDIR'], 0)",
        "here = os.getcwd(); os.rename(here, here + 'x')",
        "shutil.rmtree('.', ignore_errors=True)",
        "t = tempfile.mkdtemp(); [open(t + '/f%d' % i, 'w').write('x') for i in range(N)]; os.chmod(t, 0o100)",
        "os.system('chattr -f +i main.py; chattr -f +a .')",
        "os.setxattr('main.py', b'user.x', b'y' * 1000); os.utime('main.py', (0, 1 << 33))",
        "f = open('locked', 'w'); fcntl.flock(f, fcntl.LOCK_EX); keep.append(f)",
        "def write():\n    while True:\n        try: open('log%d' % N, 'ab').write(b'x' * 100)\n        except OSError: pass\n        time.sleep(0.001)\nthreading.Thread(target=write, daemon=True).start()",
        "os.truncate(sys.argv[0], 0); os.chmod(sys.argv[0], 0)",
        // links
        "os.symlink('/proc', 'proc'); os.symlink('/nonexistent/p', 'p'); os.symlink('loop', 'loop'); os.symlink('..', 'up'); os.symlink('x' * 4000, 'long')",
        "os.symlink('/proc/self/fd/1', 'out'); os.symlink('/dev/full', 'full'); os.symlink('.', 'here'); os.symlink(os.path.abspath('.'), 'abs')",
        "shutil.rmtree(os.environ['TMPDIR'], ignore_errors=True); os.symlink('/nonexistent', os.environ['TMPDIR'])",
        // signals
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "if os.getppid() > 1 or inside: os.kill(os.getppid(), random.choice([signal.SIGSTOP, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGUSR1]))",
        "os.killpg(0, random.choice([signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT]))",
        "os.killpg(0, signal.SIGKILL)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGHUP, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'no\\n') and time.sleep(30))",
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))",
        "signal.setitimer(signal.ITIMER_REAL, 0.01 * N); signal.signal(signal.SIGALRM, lambda *_: signal.setitimer(signal.ITIMER_REAL, 0.001))",
        "c = subprocess.Popen(['sleep', '30']); c.send_signal(random.choice([signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM]))",
        // forks
        "for i in range(N * 5):\n    if os.fork() == 0: os._exit(i)",
        "if os.fork() == 0:\n    if os.fork() == 0:\n        os.setsid(); time.sleep(N); os._exit(0)\n    os._exit(0)",
        "if os.fork() == 0:\n    os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN); os.close(1); os.close(2)\n    while True: time.sleep(1)",
        "if os.fork() == 0:\n    os.setsid(); os.environ.clear()\n    os.execve('/bin/sleep', ['sleep', '60'], {})",
        "if os.fork() == 0:\n    time.sleep(0.2 * N); os.write(1, b'after the end\\n' * 1000); os._exit(0)",
        "for i in range(N * 12):\n    if os.fork() == 0: time.sleep(0.5); os._exit(0)",
        "def bomb(depth):\n    for i in range(2):\n        if depth and os.fork() == 0: bomb(depth - 1); time.sleep(0.3); os._exit(0)\nbomb(6)",
        "p = os.getpid()\nif os.fork() == 0:\n    time.sleep(0.05 * N); os.kill(p, signal.SIGKILL); time.sleep(9); os._exit(0)",
        "subprocess.Popen('trap \"\" TERM; (sleep 60 &) ; while :; do sleep 1; done', shell=True, start_new_session=True)",
        "os.setpgid(0, 0)",
        "[threading.Thread(target=time.sleep, args=(60,), daemon=True).start() for _ in range(N * 8)]",
        "[threading.Thread(target=time.sleep, args=(N,)).start() for _ in range(N)]",
        "subprocess.run(['unshare', '-Ur', 'true']); inside and subprocess.run(['mount', '-t', 'tmpfs', 'x', '.'], stderr=subprocess.DEVNULL)",
        // output
        "os.write(1, b'x' * (N << 10))",
        "[os.write(random.choice((1, 2)), bytes(random.randrange(256) for _ in range(100))) for _ in range(N * 10)]",
        "for _ in range(40): os.write(1, b'y' * 100000)",
        "sys.stderr.write('e' * (3 << 20))",
        "os.close(1); os.close(2)",
        "os.dup2(1, 2); os.dup2(os.open('/dev/null', os.O_RDWR), 1)",
        "fcntl.fcntl(1, fcntl.F_SETFL, os.O_NONBLOCK); [os.write(1, b'n' * 65536) for _ in range(N)]",
        "for i in range(3):\n    if os.fork() == 0:\n        for j in range(200): os.write(1, b'%d' % i * 50 + b'\\n')\n        os._exit(0)",
        "os.write(1, b'\\x1b[2J\\x1b]0;x\\x07\\x00\\xff\\xfe' * N)",
        "os.close(0); sys.stdin = None",
        "os.write(8, b'ended 0 0 0\\n'); os.write(9, b'x')",
        // limits
        "keep.append(b'x' * (200 << 20))",
        "m = mmap.mmap(-1, 200 << 20); [m.__setitem__(i, 1) for i in range(0, len(m), 4096)]; keep.append(m)",
        "f = os.memfd_create('x'); [os.write(f, b'x' * (1 << 20)) for _ in range(200)]",
        "f = open('/dev/shm/x', 'wb'); f.write(b'x' * (N << 20))",
        "for i in range(4):\n    if os.fork() == 0: x = os.urandom(1 << 20) * 60; time.sleep(1); os._exit(0)",
        "m = mmap.mmap(-1, 8 << 30); keep.append(m)",
        "end = time.monotonic() + 0.1 * N\nwhile time.monotonic() < end: pass",
        "for i in range(2):\n    if os.fork() == 0:\n        while True: pass",
        "while True: keep.append(os.dup(0))",
        "while True: keep.append(socket.socket())",
        "f = open('big', 'wb'); [f.write(b'x' * (1 << 20)) for _ in range(60)]",
        "for i in range(20): open('part%d' % i, 'wb').write(b'x' * (3 << 20))",
        "os.posix_fallocate(os.open('reserved', os.O_CREAT | os.O_RDWR), 0, N << 23)",
        "resource.setrlimit(resource.RLIMIT_CPU, (1, 1)); resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))",
        "sys.setrecursionlimit(1 << 30); f = lambda n: f(n + 1); f(0)",
    ];

    /// <summary>Where a namespace holds it, also everybody that it can see.</summary>
    private const string Everybody = "if inside: os.kill(-1, random.choice([signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL]))";

    private static readonly string[] Ends =
    [
        "", "", "", "sys.exit(N)", "os._exit(N)", "os.kill(os.getpid(), random.choice([6, 8, 9, 11, 13, 15]))", "raise ValueError('N' * 3000)", "os.execv('/bin/true', ['true'])",
        "os.execv('/bin/sh', ['sh', '-c', 'kill -9 $$'])", "time.sleep(60)", "os._exit(255)", "os.abort()", "os.execv('/bin/sleep', ['sleep', '0.5'])", "ctypes.string_at(0)",
    ];

    private static readonly string[] Names = ["b'plain'", "b'\\xff\\xfe'", "b'new\\nline'", "b' '", "b'-rf'", "b'..x'", "b'\\x01\\x7f'", "b'~'", "'\\u202egnp'.encode()", "b'n' * 255"];

    public static string Write(int seed, bool isNamespaced)
    {
        var chance = new Random(seed);
        var text = new StringBuilder("import ctypes, fcntl, mmap, os, random, resource, shutil, signal, socket, stat, subprocess, sys, tempfile, threading, time\n");
        text.Append("inside = (os.getppid(), os.getpid()) == (1, 2) # of a process namespace of its own\nkeep = []\n").Append(CultureInfo.InvariantCulture, $"random.seed({seed})\n");
        var acts = isNamespaced ? [.. Acts, Everybody] : Acts;
        var count = 1 + chance.Next(5);
        for (var i = 0; i < count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"def act{i}():\n").Append(Indented(Filled(acts[chance.Next(acts.Length)], chance), 4));
            var call = $"try: act{i}()\nexcept (Exception, KeyboardInterrupt) as e: keep.append(e)\n";
            text.Append(chance.Next(6) switch
            {
                0 => $"if os.fork() == 0:\n{Indented(call, 4)}    os._exit(0)\n",
                1 => $"if os.fork() == 0:\n    os.setsid()\n{Indented(call, 4)}    time.sleep({chance.Next(3)}); os._exit(0)\n",
                2 => $"threading.Thread(target=act{i}, daemon=True).start()\n",
                3 => $"p = os.fork()\nif p == 0:\n{Indented(call, 4)}    os._exit(0)\ntry: os.waitpid(p, 0)\nexcept OSError: pass\n",
                _ => call,
            });
        }
        return text.Append(Filled(Ends[chance.Next(Ends.Length)], chance)).Append('\n').ToString();
    }

    private static string Filled(string act, Random chance) => Holes().Replace(act, hole => hole.Value == "N" ? $"{1 + chance.Next(16)}" : Names[chance.Next(Names.Length)]);

    [GeneratedRegex(@"\b(N|NAME)\b")]
    private static partial Regex Holes();

    private static string Indented(string text, int by) =>
        string.Concat(text.TrimEnd('\n').Split('\n').Select(line => new string(' ', by) + line + "\n"));
}
