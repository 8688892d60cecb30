"""Who counts as reader and writer of a file: leases beside O_PATH, programs that run, and the descriptors of memfds."""

import fcntl
import os
import shutil
import signal
import subprocess

signal.alarm(60)
signal.signal(signal.SIGIO, signal.SIG_IGN)


def lease(fd: int, kind: int) -> str:
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, kind)
    except OSError as error:
        return os.strerror(error.errno)
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return "leased"


def show(what: str, *fds: int) -> None:
    for fd in fds:
        print(what, lease(fd, fcntl.F_RDLCK), lease(fd, fcntl.F_WRLCK))


with open("f", "w"):
    pass
reader, path = os.open("f", os.O_RDONLY), os.open("f", os.O_PATH)
show("beside a path", reader)
os.close(path)
show("alone", reader)
other = os.open("f", os.O_RDONLY)
show("two readers", reader, other)
os.close(other)
shutil.copy("/bin/cat", "program")
fd = os.open("program", os.O_RDONLY)
with subprocess.Popen(["./program"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as running:
    show("runs", fd)
show("has run", fd)
memfd = os.memfd_create("x")
show("memfd", memfd)
for flags in (os.O_RDWR, os.O_RDONLY, os.O_PATH):
    again = os.open(f"/proc/self/fd/{memfd}", flags)
    show(f"memfd, again {flags:o}", memfd)
    if flags != os.O_PATH:
        show("the other", again)
    os.close(again)
show("memfd, closed again", memfd)
