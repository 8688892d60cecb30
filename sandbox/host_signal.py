"""Signals of the host, without the enumerations of the standard library's `signal`: to make those takes as long as a dozen of
our modules. What is in here are that module's own functions and constants, and plain numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
    from signal import SIG_DFL, SIG_IGN, default_int_handler, getsignal, pidfd_send_signal, set_wakeup_fd, signal
else:
    from _signal import SIG_DFL, SIG_IGN, default_int_handler, getsignal, pidfd_send_signal, set_wakeup_fd, signal

FORWARDED: Final = (SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT)
"""To the first process inside. One that whoever has started us ignores (nohup(1), a shell that starts something in the background)
is not meant for us, nor for what we run."""

__all__ = [
    "FORWARDED",
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
    "default_int_handler",
    "getsignal",
    "pidfd_send_signal",
    "set_wakeup_fd",
    "signal",
]
