"""Signals of the host, without the enumerations of the standard library's `signal`: to make those takes as long as a dozen of
our modules. What is in here are that module's own functions and constants, and plain numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.signal import (
    SIGCHLD,
    SIGCONT,
    SIGHUP,
    SIGINT,
    SIGKILL,
    SIGPIPE,
    SIGPROF,
    SIGQUIT,
    SIGSTOP,
    SIGTERM,
    SIGUSR1,
    SIGUSR2,
    SIGWINCH,
)

if TYPE_CHECKING:
    from signal import SIG_DFL, SIG_IGN, pidfd_send_signal, set_wakeup_fd, signal
else:
    from _signal import SIG_DFL, SIG_IGN, pidfd_send_signal, set_wakeup_fd, signal

__all__ = [
    "SIG_DFL",
    "SIG_IGN",
    "SIGCHLD",
    "SIGCONT",
    "SIGHUP",
    "SIGINT",
    "SIGKILL",
    "SIGPIPE",
    "SIGPROF",
    "SIGQUIT",
    "SIGSTOP",
    "SIGTERM",
    "SIGUSR1",
    "SIGUSR2",
    "SIGWINCH",
    "pidfd_send_signal",
    "set_wakeup_fd",
    "signal",
]
