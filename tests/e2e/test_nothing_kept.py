"""What is over is not kept in the sandbox's own memory, nor in descriptors of the host: processes killed in far timers, their
namespaces and mounts, sockets that were refused, rings of asynchronous I/O."""

from __future__ import annotations

import os
from pathlib import Path

from tests.e2e.conftest import Running

ROUNDS = 60
GROWTH_KB = 8 << 10
"""A network namespace with its /proc/sys is half a megabyte."""

GUEST = """
import ctypes, os, signal, sys, time
libc = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWNET, NEWIPC = 0x20000, 0x40000000, 0x8000000

def child():
    assert libc.unshare(NEWNS | NEWNET | NEWIPC) == 0, os.strerror(ctypes.get_errno())
    assert libc.mount(b"none", b"/media", b"tmpfs", 0, None) == 0, os.strerror(ctypes.get_errno())
    os.makedirs("/media/" + "/".join("d" * 16))
    assert libc.mount(b"none", b"/media/d/d", b"tmpfs", 0, None) == 0, os.strerror(ctypes.get_errno())
    assert libc.mount(b"proc", b"/proc", b"proc", 0, None) == 0, os.strerror(ctypes.get_errno())
    for name in ("self/net/dev", "self/status", "sys/net/ipv4/ip_forward", "self/fd/1"):
        os.stat("/proc/" + name)
    assert libc.mq_open(b"/queue", os.O_CREAT | os.O_RDWR, 0o600, None) >= 0, os.strerror(ctypes.get_errno())
    pair = (ctypes.c_int * 2)()
    for _ in range(20):
        assert libc.socketpair(2, 1, 0, pair) < 0 and libc.socketpair(16, 3, 0, pair) < 0
    held = os.open("/proc/self/status", os.O_RDONLY)
    ring = ctypes.c_ulong()
    assert libc.syscall(206, 8, ctypes.byref(ring)) == 0, os.strerror(ctypes.get_errno())  # io_setup
    signal.setitimer(signal.ITIMER_REAL, 1e8)
    signal.alarm(100000000)
    sys.stdout.write(".")
    sys.stdout.flush()
    time.sleep(1e8)

def rounds(count):
    for _ in range(count):
        ready, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ready)
            os.dup2(tell, 1)
            child()
        os.close(tell)
        assert os.read(ready, 1) == b"."
        os.close(ready)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

while True:
    rounds(ROUNDS)
    print("ready", flush=True)
    sys.stdin.readline()
""".replace("ROUNDS", str(ROUNDS))


def memory_kb(pid: int) -> int:
    """Anonymous memory."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0])


def descriptors(pid: int) -> int:
    """Of the host's."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_what_is_over_is_not_kept() -> None:
    running = Running("do", "--cap-add", "ALL", "/usr/bin/python3", "-c", GUEST, rests=False)
    try:
        assert running.first_line == "ready\n", running.process.communicate()
        before, open_before = memory_kb(running.sentry), descriptors(running.sentry)
        for _ in range(3):
            stdin, stdout = running.process.stdin, running.process.stdout
            assert stdin is not None and stdout is not None
            stdin.write("\n")
            stdin.flush()
            assert stdout.readline() == "ready\n"
        grown = memory_kb(running.sentry) - before
        assert grown < GROWTH_KB, f"{grown} kB more after {3 * ROUNDS} rounds"
        more = descriptors(running.sentry) - open_before
        assert more < ROUNDS, f"{more} descriptors more after {3 * ROUNDS} rounds"
    finally:
        running.close()
