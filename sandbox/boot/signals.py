"""Signals from outside the sandbox, for its first process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.signal import SI_USER
from sandbox.kernel.signal_info import SignalInfo

if TYPE_CHECKING:
    from sandbox.kernel.thread_group import ThreadGroup


def forward(init: ThreadGroup, number: int) -> None:
    """As if its parent had sent it: pid 0, because the sender is in no namespace that the guest can see."""
    if init.exited:
        return
    info = SignalInfo(number, SI_USER)
    info.outside = True
    init.send_signal(info)
