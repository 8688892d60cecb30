"""Starting the sentry of a container: it is left behind when the runtime that made it ends.

The namespaces are made by a helper process, so that the caller, which runs hooks, stays in its own. When the helper
has ended the sentry belongs to the nearest subreaper (prctl(2)): the caller, if the container is to end with it, else
whoever watches over containers, or init.
"""

from __future__ import annotations

import os
from typing import Final

from sandbox.boot import channel, host_oom, libc
from sandbox.boot.host_checks import HostLacks, why_no_process
from sandbox.boot.namespaces import isolate
from sandbox.boot.options import ContainerOptions, SandboxOptions
from sandbox.boot.sentry import sentry_main

PR_SET_CHILD_SUBREAPER: Final = 36
_FAILED: Final = b"!"


class Groups:
    """The control groups of a container, which the runtime has made; oom_score_adj goes the same way."""

    def __init__(self, options: ContainerOptions) -> None:
        self._options = options

    def enter(self) -> None:
        """The calling process, and all that it makes. HostLacks."""
        self.move(0)
        self.settle()

    def move(self, pid: int) -> None:
        """A process, 0 the calling one, into the innermost of them. HostLacks."""
        directories = self._options.cgroups
        for directory in directories:
            if f"{directory}/{host_oom.INNER}" not in directories:
                _write(f"{directory}/cgroup.procs", str(pid), f"control group {directory}")

    def settle(self) -> None:
        """The rest, which is the process's own. HostLacks."""
        self._options.host_oom_fds = host_oom.descriptors(self._options.cgroups)
        if self._options.host_oom_score_adj is not None:
            score = str(self._options.host_oom_score_adj)
            _write("/proc/self/oom_score_adj", score, f"process.oomScoreAdj: {score} for the sandbox's process")


class GroupsOfSentry(Groups):
    """The launcher moves it: the host takes a grace period of its RCU for that, 10 ms, in which the sentry imports."""

    def enter(self) -> None:
        self.settle()


def _write(path: str, text: str, what: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode("ascii"))
        finally:
            os.close(fd)
    except OSError as error:
        raise HostLacks(f"{what}: {os.strerror(error.errno or 0)}") from None


def own_network(options: SandboxOptions) -> bool:
    """The sentry needs no network of the host's, or one that is made for it."""
    return options.network.kind in ("none", "internal") or options.network.fresh


def spawn(options: SandboxOptions, container: ContainerOptions) -> tuple[int, int]:
    """The sentry's process id and our end of the channel to it; it waits for `let_begin`. HostLacks."""
    if container.attached:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    options.note_places()
    ours, theirs = libc.socketpair()
    told_read, told = os.pipe2(os.O_CLOEXEC)
    helper = _fork()
    if helper == 0:
        status = 1
        try:
            os.close(ours)
            os.close(told_read)
            status = _help(options, container, theirs, told)
        finally:
            os._exit(status)
    os.close(theirs)
    os.close(told)
    # Once it is a zombie its child has been handed on.
    os.waitpid(helper, 0)
    said = os.read(told_read, 4096)
    os.close(told_read)
    if not said.isdigit():
        os.close(ours)
        raise HostLacks(said[1:].decode("utf-8", "replace") or "the helper that makes namespaces was killed")
    return int(said), ours


def let_begin(link: int, pid: int, container: ContainerOptions) -> None:
    """The sentry is written down where it can be found: until this word it has done nothing, and without it it ends. It makes
    no process before it is in the container's groups. HostLacks."""
    channel.send(link, channel.ADOPTED)
    Groups(container).move(pid)
    channel.send(link, channel.JOINED)


def _fork() -> int:
    try:
        return os.fork()
    except OSError as error:
        raise HostLacks(why_no_process(os.strerror(error.errno or 0))) from None


def _help(options: SandboxOptions, container: ContainerOptions, channel_fd: int, told: int) -> int:
    """The helper: namespaces, then the sentry as PID 1 of the new PID namespace. The sentry never comes back."""
    try:
        isolate(os.geteuid(), os.getegid(), own_network(options))
        pid = _fork()
    except HostLacks as missing:
        os.write(told, _FAILED + str(missing).encode("utf-8", "replace"))
        return 1
    if pid == 0:
        status = 1
        try:
            os.close(told)
            status = sentry_main(options, channel_fd, GroupsOfSentry(container))
        finally:
            os._exit(status)
    os.write(told, b"%d" % pid)
    return 0
