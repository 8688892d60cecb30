import resource, os, signal, errno

print(resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 256)


def child(f):
    p = os.fork()
    if p == 0:
        try:
            f()
            os._exit(0)
        except OSError as e:
            print(errno.errorcode[e.errno], flush=True)
            os._exit(1)
        except MemoryError:
            print("memory", flush=True)
            os._exit(2)
    print(os.waitpid(p, 0)[1])


def files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10))
    [os.dup(0) for _ in range(20)]


def memory():
    resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))
    bytearray(1 << 29)


def size():
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    f = os.open("big", os.O_CREAT | os.O_WRONLY)
    print(os.write(f, b"x" * 200), flush=True)
    os.write(f, b"x")


def size_kill():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    f = os.open("big2", os.O_CREAT | os.O_WRONLY)
    os.write(f, b"x" * 100)
    os.write(f, b"x")


def cpu():
    resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
    exec("while True: pass")


for f in (files, memory, size, size_kill, cpu):
    child(f)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 1000)
