"""A change of an address space that the host has to carry out first."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Sequence

from sandbox.abi.linux.mman import NR_MREMAP
from sandbox.kernel.control import Execute

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.platform.base import Order


class Operation:
    """Orders under way for one address space: `begin` locks it, `finish` unlocks it and makes the areas true.

    Derived classes say what has become true: `done` when every order succeeded, `failed` when order
    `index` failed (those before it have succeeded).
    """

    __slots__ = ("mm", "orders")

    def __init__(self, mm: MemoryManager, orders: Sequence[Order]) -> None:
        self.mm = mm
        self.orders = orders

    def begin(self) -> Execute:
        """What the handler returns."""
        limit = self.mm.task_size
        for order in self.orders:
            a = order.args
            if a[0] + a[1] > limit or (order.nr == NR_MREMAP and max(a[0], a[4]) + a[2] > limit):
                raise AssertionError("an order that reaches the platform's memory")
        self.mm.lock()
        return Execute(self.orders, self.finish, self.abandoned, self.value() if self.mm.users == 1 else None)

    def value(self) -> int | None:
        """What the call returns if every order succeeds, where that is known and it then just ends."""
        return None

    def finish(self, t: Task, index: int, result: int) -> Result:
        """The platform's answer: the last order executed and its result."""
        self.mm.unlock()
        if index == len(self.orders) - 1 and not -4095 <= result < 0:
            return self.done(t, result)
        return self.failed(t, index, result if -4095 <= result < 0 else -errno.ENOMEM)

    def abandoned(self, t: Task, index: int, result: int) -> None:
        """The task has died, but others may share the address space: what is known of it stays true."""
        if isinstance(self.finish(t, index, result), Execute):
            self.mm.unlock()  # nobody is there to go on with it

    def done(self, t: Task, result: int) -> Result:
        """Everything was executed; `result` is the last order's, as the guest's process tells it."""
        raise NotImplementedError

    def failed(self, t: Task, index: int, error: int) -> Result:
        """Order `index` failed with `error` (negative)."""
        raise NotImplementedError
