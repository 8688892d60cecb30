"""The first guest process: an empty one, from which every other is forked.

It is made by fork from the sentry, put into empty namespaces without any capability or descriptor,
and then executes the stub from a sealed memfd, so that nothing of the sentry's memory is left in it.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import Final, NoReturn

from sandbox.platform import hostcalls
from sandbox.platform.base import PlatformError
from sandbox.platform.empty_process import give_up_rights, leave_host
from sandbox.platform.lane import build, layout

TITLE_SIZE: Final = 256  # of a host process's command line, which is the guest's
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def shared_pages(name: str, size: int) -> int:
    """A memfd of `size` bytes that cannot be resized by whoever maps it."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    return fd


def _stub_image() -> int:
    """The stub in a memfd that nobody can change."""
    fd = os.memfd_create("stub", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.write(fd, build.stub_bytes())
    except FileNotFoundError:
        os.close(fd)
        raise PlatformError(f"the guest stub is not built, or from other sources: run `{build.by_hand()}`") from None
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS | fcntl.F_SEAL_WRITE)
    return fd


class Zygote:
    """`pid` and `pidfd` of the first process; `listener()` once its filter is installed."""

    def __init__(self, control_fd: int, lanes_fd: int) -> None:
        image = _stub_image()
        ready, told = os.pipe()
        self._ready = ready
        pid = os.fork()
        if pid == 0:
            _become_stub(image, control_fd, lanes_fd, told)
        os.close(told)
        os.close(image)
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)

    def listener(self) -> int:
        """Wait for the filter and fetch its listener. Raises PlatformError with what the host refused."""
        said = os.read(self._ready, 4096)
        os.close(self._ready)
        if said != b"r":
            os.waitpid(self.pid, 0)
            raise PlatformError(said[1:].decode(errors="replace") or "the first guest process died while it was set up")
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                fd = hostcalls.pidfd_getfd(self.pidfd, layout.LISTENER_FD)
            except PermissionError:
                raise PlatformError("pidfd_getfd is not permitted: run as root or allow user namespaces") from None
            except OSError:  # not installed yet
                if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                    break
                os.sched_yield()
                continue
            if os.readlink(f"/proc/self/fd/{fd}").startswith("anon_inode:seccomp"):
                return fd
            os.close(fd)
        status = os.waitpid(self.pid, 0)[1]
        raise PlatformError(
            f"the host does not let the guest's seccomp filter be installed (stub ended with {status:#x})"
        )


def _become_stub(image: int, control_fd: int, lanes_fd: int, told: int) -> NoReturn:
    """In the child: give everything up, then execute the stub. Never returns."""
    try:
        _give_up(image, control_fd, lanes_fd, told)
    except BaseException as error:
        os.write(told, b"!" + f"cannot set up the first guest process: {error}".encode())
    finally:
        os._exit(99)


def _give_up(image: int, control_fd: int, lanes_fd: int, told: int) -> None:
    leave_host()
    fds = [fcntl.fcntl(fd, fcntl.F_DUPFD, 16) for fd in (control_fd, lanes_fd, told, image)]
    for at, fd in zip((layout.BOOT_CONTROL_FD, layout.BOOT_LANES_FD, layout.BOOT_PIPE_FD), fds, strict=False):
        os.dup2(fd, at, inheritable=True)
    os.dup2(fds[3], 6, inheritable=False)
    hostcalls.close_range(0, 2)
    hostcalls.close_range(7)
    give_up_rights()
    os.execve(6, ["stub", *[""] * (TITLE_SIZE - len("stub "))], {})  # room for a title
