# The first process of a run, also of its process namespace where there is one. It starts the program, passes a SIGTERM on to it, waits, and
# tells the worker how it really ended: a shell or bubblewrap would turn signals into exit codes. Written for `python3 -I -S` from 3.6 on and
# with built-in modules only, because its start is part of every run.
#
# Standard input begins with its orders: 8 hexadecimal digits, then so many bytes of fields that each end with a NUL:
#   processors ("0,1" or ""), most processes ("" for no limit), most open files, size of a file in bytes ("" for no limit),
#   number of arguments, the program and its arguments, then NAME=VALUE for each variable.
# What follows is the program's own standard input. Lines go to descriptor 8: "ready" for them, "started", and "ended WAITSTATUS CPU_MICROSECONDS PEAK_KIB", or
# "failed MESSAGE" when it could not be started at all.
import posix
import _signal
import resource

STATUS = 8


def tell(line):
    posix.write(STATUS, line.encode("utf-8", "surrogateescape") + b"\n")


def read(count):
    data = b""
    while len(data) < count:
        piece = posix.read(0, count - len(data))
        if not piece:
            posix._exit(125)  # the worker is gone
        data += piece
    return data


def become(processors, processes, files, file_size, arguments, variables, alone):
    def limit(what, value):
        if value:
            hard = resource.getrlimit(what)[1]
            most = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
            resource.setrlimit(what, (most, most))

    limit(resource.RLIMIT_FSIZE, file_size)
    limit(resource.RLIMIT_NOFILE, files)
    limit(resource.RLIMIT_NPROC, processes)
    if processors:
        try:
            posix.sched_setaffinity(0, [int(one) for one in processors.split(b",")])
        except OSError:
            pass  # some were taken from this machine since it was measured
    if alone:
        posix.setpgid(0, 0)
    for number in range(1, _signal.NSIG):
        try:
            if _signal.getsignal(number) == _signal.SIG_IGN:
                _signal.signal(number, _signal.SIG_DFL)
        except (OSError, ValueError):
            pass  # not to be caught, or not a signal here
    _signal.pthread_sigmask(_signal.SIG_SETMASK, [])
    try:
        descriptors = [int(name) for name in posix.listdir("/proc/self/fd")]
    except OSError:
        descriptors = range(1024)  # no /proc of this namespace
    for descriptor in descriptors:
        if descriptor > 2 and descriptor != STATUS:
            try:
                posix.close(descriptor)
            except OSError:
                pass  # the one that the listing itself used
    posix.set_inheritable(STATUS, False)
    posix.execve(arguments[0], arguments, variables)


def main():
    tell("ready")
    fields = read(int(read(8), 16)).split(b"\0")
    processors, processes, files, file_size = fields[:4]
    count = int(fields[4])
    arguments = fields[5:5 + count]
    variables = dict(one.split(b"=", 1) for one in fields[5 + count:-1])
    alone = posix.getpid() == 1
    tell("started")
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals() if hasattr(_signal, "valid_signals") else range(1, 32))
    program = posix.fork()
    if program == 0:
        try:
            become(processors, processes, files, file_size, arguments, variables, alone)
        except BaseException as error:
            tell("failed %s" % error)
        posix._exit(127)

    def ask_to_end(number, frame):
        try:
            posix.kill(program, _signal.SIGTERM)
        except OSError:
            pass

    # Where no namespace guards it, it is in the program's own group: what the program sends to that must not look like a launcher that failed.
    for number in range(1, _signal.NSIG):
        try:
            if number not in (_signal.SIGTERM, _signal.SIGCHLD):
                _signal.signal(number, _signal.SIG_IGN)
        except (OSError, ValueError):
            pass  # not to be caught, or not a signal here
    _signal.signal(_signal.SIGTERM, ask_to_end)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, [])
    # The pipes are the program's alone: they end with it.
    nothing = posix.open("/dev/null", posix.O_RDWR)
    for standard in (0, 1, 2):
        posix.dup2(nothing, standard)
    ended = status = 0
    while ended != program:
        ended, status = posix.waitpid(-1, 0)
    if alone:
        try:
            posix.kill(-1, _signal.SIGKILL)
            while True:
                posix.waitpid(-1, 0)
        except OSError:
            pass  # nobody else is left
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    tell("ended %d %d %d" % (status, (used.ru_utime + used.ru_stime) * 1e6, used.ru_maxrss))
    posix._exit(0)


try:
    main()
except BaseException as error:
    tell("failed %s" % error)
    posix._exit(126)
