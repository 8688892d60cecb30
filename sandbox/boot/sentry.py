"""The sentry: the process that is the sandbox's kernel. PID 1 of its own PID namespace.

Order matters: tie its life to the launcher's, let go of what was not donated, start the platform (whose
first process still needs privileges to give everything up), mount, then drop privileges, and only then
load guest code.
"""

from __future__ import annotations

import gc
import os
import select
import sys
from typing import Final, Protocol

from sandbox import host_signal as signal
from sandbox.boot import channel, confine, late_modules, libc
from sandbox.boot.exit_status import exit_status
from sandbox.boot.host_checks import HostLacks
from sandbox.boot.options import SandboxOptions

IGNORED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
FAILURE: Final = 125


class Entered(Protocol):
    """What the sentry enters before it does anything else: control groups, the list of whom a keeper waits for."""

    def enter(self) -> None:
        """Called once."""


def sentry_main(options: SandboxOptions, channel_fd: int, holdings: Entered) -> int:
    """In the forked process: run the sandbox to its end. The launcher is told everything over the channel; for who
    only waits for the process there is the exit status of a shell."""
    try:
        _settle(options, channel_fd, holdings)
    except HostLacks as missing:
        channel.send(channel_fd, channel.FAILED, bytes([FAILURE]) + str(missing).encode("utf-8", "replace"))
        return FAILURE
    from sandbox.boot.sandbox import Sandbox
    from sandbox.boot.start_failure import StartFailure
    from sandbox.platform.base import PlatformError
    from tcpip.allocator import keep_freed_memory

    keep_freed_memory()
    sandbox = Sandbox(options, channel_fd)
    try:
        try:
            sandbox.start()
        except StartFailure as failure:
            channel.send(channel_fd, channel.FAILED, bytes([failure.status]) + str(failure).encode("utf-8", "replace"))
            return FAILURE
        except PlatformError as error:
            channel.send(channel_fd, channel.FAILED, bytes([FAILURE]) + str(error).encode("utf-8", "replace"))
            return FAILURE
        gc.freeze()
        gc.enable()
        sandbox.run()
        return exit_status(sandbox.status)
    except Exception as error:  # the last resort: a line for the user, the whole story for the log
        _report_crash(options, channel_fd, error)
        return FAILURE
    finally:
        sandbox.close()


def _settle(options: SandboxOptions, channel_fd: int, holdings: Entered) -> None:
    """Die with the launcher, in a session of our own, with nothing open that was not donated. A container that
    outlives its launcher does not."""
    container = options.container
    if container is not None:
        message = channel.receive(channel_fd)
        if message is None or message[0] != channel.ADOPTED:
            os._exit(1)
        for at, fd in enumerate(options.stdio):
            if fd != at:  # a terminal: nobody else's ends are to be kept open
                os.dup2(fd, at)
        options.stdio = (0, 1, 2)
    if container is None or container.attached:
        _die_with_the_launcher(channel_fd)
    holdings.enter()
    os.setsid()
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.set_blocking(channel_fd, False)
    confine.close_all_but(options.donated() | {channel_fd} | late_modules.descriptors())
    confine.raise_limits()
    libc.set_name(b"runsc-sandbox")
    os.umask(0)
    sys.setrecursionlimit(2000)


def _die_with_the_launcher(channel_fd: int) -> None:
    libc.prctl(libc.PR_SET_PDEATHSIG, int(signal.SIGKILL))
    poll = select.poll()
    poll.register(channel_fd, select.POLLIN)
    if any(mask & select.POLLHUP for _, mask in poll.poll(0)):
        os._exit(1)  # it was gone before we asked


def _report_crash(options: SandboxOptions, channel_fd: int, error: Exception) -> None:
    import traceback

    text = "".join(traceback.format_exception(error))
    if options.log_fd >= 0:
        from sandbox.boot.logging import log_sink

        sink = log_sink(options.log_fd, options.json_log)
        for line in text.splitlines():
            sink(3, line)
    elif options.debug:
        os.write(2, text.encode("utf-8", "backslashreplace"))
    message = f"the sandbox's kernel failed: {type(error).__name__}: {error}"
    channel.send(channel_fd, channel.FAILED, bytes([FAILURE]) + message.encode("utf-8", "replace"))
