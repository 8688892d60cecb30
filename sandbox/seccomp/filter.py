"""SeccompFilter: one installed filter, and through `previous` those that were installed before it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final, Sequence

from sandbox.abi.linux.seccomp import (
    AUDIT_ARCH_X86_64,
    SECCOMP_MODE_FILTER,
    SECCOMP_RET_ACTION_FULL,
    SECCOMP_RET_ALLOW,
    SECCOMP_RET_USER_NOTIF,
)
from sandbox.arch.amd64 import RIP
from sandbox.errors import SyscallError
from sandbox.seccomp.check import converted_length
from sandbox.seccomp.interpreter import run
from tcpip.bpf.opcodes import Insn

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.seccomp.listener import Listener
    from sandbox.vfs.space import SpaceAccount

MAX_INSNS_PER_PATH: Final = 32768
_PENALTY: Final = 4  # instructions that every further filter of a chain counts
_REMEMBERED: Final = 512  # call numbers
_FILTER_COST: Final = 8 * _REMEMBERED + 512
_INSN_COST: Final = 160
_M32: Final = 0xFFFFFFFF
_STRICTNESS: Final = 0x80000000  # the action's sign bit: KILL_PROCESS comes before all others


class SeccompFilter:
    """A node of a tree that tasks share: `refs` counts the tasks and the later filters that refer to it.

    What the chain says of a call number whatever its arguments is remembered (kernel/seccomp.c:
    seccomp_cache_allow does so for ALLOW).
    """

    __slots__ = ("program", "previous", "depth", "total", "refs", "account", "_known", "listener", "log")

    def __init__(self, program: Sequence[Insn], previous: SeccompFilter | None, account: SpaceAccount) -> None:
        """ENOMEM when the chain would be too long, or the sandbox's memory is used up. Takes over the reference to
        `previous`."""
        self.total = check_length(program, previous)
        self.program = program
        self.previous = previous
        self.depth: int = 1 if previous is None else previous.depth + 1
        self.refs = 1
        self.account = account
        self.log = False  # SECCOMP_FILTER_FLAG_LOG
        self.listener: Listener | None = None  # of its user notifications
        self._known: list[int] | None = None  # by number: verdict + 1, or 0
        try:
            account.take_bytes(self._cost())
        except SyscallError:
            raise SyscallError(errno.ENOMEM) from None

    def _cost(self) -> int:
        return _FILTER_COST + _INSN_COST * len(self.program)

    def acquire(self) -> SeccompFilter:
        """One more task."""
        self.refs += 1
        return self

    def release(self) -> None:
        """One user fewer."""
        node: SeccompFilter | None = self
        while node is not None:
            node.refs -= 1
            if node.refs:
                return
            node.account.add_bytes(-node._cost())
            if node.listener is not None:
                node.listener.end()
            node = node.previous

    def chain(self) -> dict[SeccompFilter, None]:
        """It and all before it."""
        found: dict[SeccompFilter, None] = {}
        node: SeccompFilter | None = self
        while node is not None:
            found[node] = None
            node = node.previous
        return found

    def has_listener(self) -> bool:
        """It, or one before it, has one: there can only be one."""
        node: SeccompFilter | None = self
        while node is not None and node.listener is None:
            node = node.previous
        return node is not None

    def verdict(self, t: Task, nr: int, args: Sequence[int]) -> tuple[int, SeccompFilter | None]:
        """What the strictest filter of the chain returns; among equals the newest (seccomp_run_filters). With it which one that
        is, if it is USER_NOTIF."""
        numbered = 0 <= nr < _REMEMBERED
        if numbered:
            known = self._known
            if known is None:
                known = self._known = [0] * _REMEMBERED
            if known[nr]:
                return known[nr] - 1, None
        words = seccomp_data(t, nr, args)
        strictest, pure = SECCOMP_RET_ALLOW, True
        deciding: SeccompFilter | None = None
        node: SeccompFilter | None = self
        while node is not None:
            remembered = node._known[nr] if numbered and node._known is not None else 0
            if remembered:
                value = remembered - 1
            else:
                result = run(node.program, words)
                value, pure = result.value, pure and result.pure
            if strictness(value) < strictness(strictest):
                strictest, deciding = value, node
            node = None if remembered else node.previous
        if strictest & SECCOMP_RET_ACTION_FULL == SECCOMP_RET_USER_NOTIF:
            return strictest, deciding
        if numbered and pure and self._known is not None:
            self._known[nr] = strictest + 1
        return strictest, None


def nth_filter(t: Task, number: int) -> SeccompFilter:
    """The one that `t` got `number` others after its first: EINVAL, ENOENT (get_nth_filter)."""
    if t.seccomp_mode != SECCOMP_MODE_FILTER:
        raise SyscallError(errno.EINVAL)
    node = t.seccomp
    while node is not None and node.depth != number + 1:
        node = node.previous
    if node is None:
        raise SyscallError(errno.ENOENT)
    return node


def check_length(program: Sequence[Insn], previous: SeccompFilter | None) -> int:
    """Instructions of the chain with one more filter; ENOMEM (seccomp_attach_filter)."""
    total = converted_length(program)
    if previous is not None:
        total += previous.total + _PENALTY
    if total > MAX_INSNS_PER_PATH:
        raise SyscallError(errno.ENOMEM)
    return total


def strictness(value: int) -> int:
    """Order of actions: the smaller, the stricter."""
    return value & SECCOMP_RET_ACTION_FULL ^ _STRICTNESS


def seccomp_data(t: Task, nr: int, args: Sequence[int]) -> list[int]:
    """struct seccomp_data as words."""
    ip = t.thread.get_reg(RIP)
    words = [nr & _M32, AUDIT_ARCH_X86_64, ip & _M32, ip >> 32]
    for value in args:
        words.append(value & _M32)
        words.append(value >> 32)
    return words
