"""The keeper: a process that gives back to the host what a sandbox holds of it, however the sandbox ends.

Only a sandbox that holds something has one. The launcher forks it before anything is taken; it sleeps until launcher
and sentry are gone, of their own accord or killed, does its duties and ends. It is in a session of its own, with
nothing open of its caller's, so that neither a terminal nor a pipe waits for it.
"""

from __future__ import annotations

import _socket
import array
import contextlib
import os
import select
from typing import Callable, Final, Sequence

from sandbox import host_signal as signal
from sandbox.boot import libc

IGNORED: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE)
REGISTERED: Final = b"r"
_INT: Final = array.array("i").itemsize

Duty = Callable[[], None]


class Keeper:
    """The launcher's side. `fd` is for the sentry, which hands it to `register`. `claim`: a descriptor that is only the
    keeper's from now on, until its duties are done; -1: none."""

    def __init__(self, duties: Sequence[Duty], claim: int = -1) -> None:
        self._duties = duties
        ours, theirs = libc.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _keep(theirs, duties, claim)
            finally:
                os._exit(0)
        os.close(theirs)
        if claim >= 0:
            os.close(claim)
        self.fd = ours

    def finish(self) -> str:
        """The sandbox has ended: wait until everything is given back. What could not be, as one line, or nothing."""
        channel = _socket.socket(fileno=self.fd)
        channel.shutdown(_socket.SHUT_WR)
        failure = channel.recv(4096).decode("utf-8", "replace")
        channel.close()
        _, status = os.waitpid(self.pid, 0)
        return _give_back(self._duties) if os.WIFSIGNALED(status) else failure


def register(fd: int) -> None:
    """The sentry's first act: the keeper will wait for its end too. A sentry that did not come to this has nothing."""
    pidfd = os.pidfd_open(os.getpid())
    channel = _socket.socket(fileno=fd)
    with contextlib.suppress(BrokenPipeError):  # somebody has killed the keeper: the launcher does its work
        channel.sendmsg([REGISTERED], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", [pidfd]))])
    channel.close()
    os.close(pidfd)


def _keep(fd: int, duties: Sequence[Duty], claim: int) -> None:
    fd = _let_go(fd, claim)
    libc.set_name(b"runsc-keeper")
    channel = _socket.socket(fileno=fd)
    while True:
        data, ancillary, _, _ = channel.recvmsg(1, _socket.CMSG_SPACE(_INT))
        if not data:
            break
        for _, _, pidfd in ancillary:
            _wait_for(array.array("i", pidfd)[0])
    failure = _give_back(duties)
    with contextlib.suppress(OSError):  # the launcher is gone
        channel.send(failure.encode("utf-8", "replace"))


def _let_go(fd: int, claim: int) -> int:
    """A session of our own, and `fd` (whose new number is returned) and `claim` the only descriptors that are not
    /dev/null."""
    os.setsid()
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    kept = sorted({fd, claim} - {-1})
    for low, high in zip([2, *kept], [*kept, os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(low + 1, high)
    return fd


def _wait_for(pidfd: int) -> None:
    """Until the process has ended; as PID 1 of its namespace it ends after everybody there."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.poll()


def _give_back(duties: Sequence[Duty]) -> str:
    """Every duty, whatever becomes of the others."""
    failures = []
    for duty in duties:
        try:
            duty()
        except Exception as error:
            failures.append(f"cannot be given back to the host: {error}")
    return "; ".join(failures)
