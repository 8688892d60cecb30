"""The sentry's own filter, in a process that takes it on."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.abi.linux.syscall_names import SYSCALL_NAMES
from sandbox.boot.host_calls import ALLOWED, ARGUMENTS
from sandbox.boot.host_filter import program

SCRIPT = """
import ctypes, fcntl, os, signal, socket, sys, termios
sys.path.insert(0, {root!r})
from sandbox.boot import host_filter, libc
here, there = os.pipe()
libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
host_filter.install({needed!r})
call = ctypes.CDLL(None).syscall
print("confined", flush=True)
{attempt}
print("done", flush=True)
"""
ROOT = str(Path(__file__).parents[4])
# What a sentry that was taken over would try.
KILLED = {
    "fork": "os.fork()",
    "fork(2) itself": "call(57)",
    "vfork": "call(58)",
    "clone3": "call(435, 0, 0)",
    "execve": "os.execv('/bin/true', ['true'])",
    "execveat": "call(322, -100, b'/bin/true', 0, 0, 0)",
    "ptrace": "call(101, 16, os.getppid(), 0, 0)",
    "unshare": "libc.unshare(libc.CLONE_NEWUSER)",
    "setns": "call(308, here, 0)",
    "chroot": "os.chroot('/')",
    "mount": "call(165, b'none', b'/tmp', b'tmpfs', 0, 0)",
    "open_tree": "call(428, -100, b'/', 1)",
    "setuid": "os.setresuid(0, 0, 0)",
    "prctl": "call(157, 4, 1, 0, 0, 0)",
    "seccomp": "call(317, 0, 0, 0)",
    "bpf": "call(321, 0, 0, 0)",
    "io_uring_setup": "call(425, 1, 0)",
    "keyctl": "call(250, 0, 0)",
    "open_by_handle_at": "call(304, -100, 0, 0)",
    "userfaultfd": "call(323, 0)",
    "perf_event_open": "call(298, 0, 0, 0, 0, 0)",
    "a netlink socket": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "a vsock": "call(41, 40, 1, 0)",
    "typing on the user's terminal": "fcntl.ioctl(0, termios.TIOCSTI, b'x')",
    "a signal to who reads a pipe": "fcntl.fcntl(here, 8, 1)",
    "a call that is none": "call(1000)",
    "a call of the x32 ABI": "call(0x40000000 + 39)",
}


def attempt(what: str, needed: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(root=ROOT, attempt=what, needed=needed)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("what", KILLED.values(), ids=KILLED)
def test_what_kills(what: str) -> None:
    done = attempt(what)
    assert (done.returncode, done.stdout) == (-signal.SIGSYS, "confined\n"), done


def test_what_does_not() -> None:
    done = attempt(
        "os.write(there, b'x'); os.read(here, 1); os.listdir('/'); socket.create_server(('127.0.0.1', 0)).close();"
        "import decimal; open('/proc/self/statm').read(); fcntl.fcntl(here, fcntl.F_GETFL)"
    )
    assert (done.returncode, done.stdout) == (0, "confined\ndone\n"), done


def test_what_a_platform_needs_besides() -> None:
    done = attempt("call(101, 16, 0, 0, 0)", ("ptrace",))
    assert (done.returncode, done.stdout) == (0, "confined\ndone\n"), done


def test_the_table_names_each_call_once() -> None:
    names = [name for names in ALLOWED.values() for name in names.split()]
    assert len(set(names)) == len(names) and not set(names) & set(ARGUMENTS)
    assert set(names) | set(ARGUMENTS) <= set(SYSCALL_NAMES)


def test_the_search_is_short() -> None:
    """The host's kernel goes through it for every number when it is installed (seccomp_cache_prepare)."""
    size = len(program([name for names in ALLOWED.values() for name in names.split()], ARGUMENTS)) // 8
    assert size < 320
