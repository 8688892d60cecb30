"""net.core.default_qdisc: what interfaces with a queue send by that are set up from now on (net/core/sysctl_net_core.c: set_default_qdisc)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.fs.pseudo.nodes import PseudoFile

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

USUAL: Final = "fq_codel"
_KINDS: Final = ("pfifo_fast", "pfifo", "bfifo", "pfifo_head_drop", "codel", "fq_codel", "sfq")


class DefaultQdiscFile(PseudoFile):
    """Of the caller's network."""

    __slots__ = ()

    def content(self, t: Task) -> bytes:
        """Its name."""
        stack = t.ns.net.stack
        return (stack.nic_settings.default_qdisc if stack is not None else USUAL).encode() + b"\n"

    def store(self, t: Task, data: bytes) -> None:
        """ENOENT for one that there is not, or that has to be told how."""
        name = data.split(b"\0")[0].strip().decode("ascii", "replace")
        if name not in _KINDS:
            raise SyscallError(errno.ENOENT)
        stack = t.ns.net.stack
        if stack is not None:
            stack.nic_settings.default_qdisc = name
