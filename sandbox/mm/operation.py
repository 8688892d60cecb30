"""A change of an address space that the host has to carry out first."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Sequence

from sandbox.abi.linux.mman import NR_MREMAP
from sandbox.kernel.control import Assumed, Execute

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

    changes = True  # what is mapped where: another thread's operations have to wait until the host has carried it out

    def __init__(self, mm: MemoryManager, orders: Sequence[Order]) -> None:
        self.mm = mm
        self.orders = orders

    def begin(self) -> Execute | Assumed:
        """What the handler returns. A single order on which nothing hangs is taken for done."""
        orders = self.orders
        order = orders[0]
        if order.free and len(orders) == 1 and (self.mm.users == 1 or not self.changes):
            value = self.value()
            if value is not None:
                a = order.args
                if a[0] + a[1] > self.mm.task_size:
                    raise AssertionError("an order that reaches the platform's memory")
                self.apply()
                return Assumed(order, value, self.undo)
        return self.execute()

    def execute(self) -> Execute:
        """The same, with the orders waited for."""
        self._check()
        self.mm.lock()
        return Execute(self.orders, self.finish, self.abandoned, self.value() if self.mm.users == 1 else None)

    def _check(self) -> None:
        limit = self.mm.task_size
        for order in self.orders:
            a = order.args
            if a[0] + a[1] > limit or (order.nr == NR_MREMAP and max(a[0], a[4]) + a[2] > limit):
                raise AssertionError("an order that reaches the platform's memory")

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

    def apply(self) -> None:
        """The one order that is free is taken for done: make the areas true."""
        raise NotImplementedError

    def undo(self, t: Task, error: int) -> Result:
        """The one order was taken for done and has failed with `error`: the host refuses."""
        raise NotImplementedError

    def failed(self, t: Task, index: int, error: int) -> Result:
        """Order `index` failed with `error` (negative)."""
        raise NotImplementedError
