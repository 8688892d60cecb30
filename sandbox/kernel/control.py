"""What a system call handler may return instead of a number.

A handler tries once. If it cannot finish it returns one of these; nothing of a waiting call lives on
a Python stack. `Result` is the return type of every handler:

- `int`: the call is done; a negative errno is an error that was not worth an exception.
- `Block`: park the task; run the handler again when a queue fires, the deadline passes.
- `Execute`: have host calls executed in the guest's process, then go on with `finish`.
- `Assumed`: the same for one call that will not fail and on which nothing hangs: it is done already.
- `Again`: run the handler again when everybody else has had a turn.
- `NoReturn`: the registers have been set (sigreturn, execve) or the task is gone (exit).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final, Sequence

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.platform.base import Order
    from sandbox.syscalls.args import SyscallArgs
    from tcpip.waiter import WaitQueue

# Restart codes (include/linux/errno.h). They never reach the guest.
ERESTARTSYS: Final = 512  # restart if SA_RESTART or no handler ran
ERESTARTNOINTR: Final = 513  # always restart
ERESTARTNOHAND: Final = 514  # restart only if no handler ran
ERESTART_RESTARTBLOCK: Final = 516  # no handler ran: call `restart` through restart_syscall(2)


class Control:
    """Base of everything that is not a number."""

    __slots__ = ()


class NoReturn(Control):
    """Nothing to return: the thread's registers were set whole, or the task has ended."""

    __slots__ = ()


NO_RETURN: Final = NoReturn()


class Block(Control):
    """Wait until one of `queues` has an event in its mask, or `deadline` (ns, kernel clock) passes.

    Then the handler is run again with the same arguments; what it must remember it keeps in
    `a.state` (None the first time; a plain picklable object), and `a.timed_out` tells that the
    deadline has passed. A signal ends the wait: the call returns `interrupted` if that is not None
    (bytes moved so far, say), else `restart` decides. `on_interrupt`, if given, is called instead when a signal
    (or the task's end) ends the wait, and its result counts: a number or a negative restart code.
    """

    __slots__ = ("queues", "deadline", "restart", "interrupted", "on_interrupt")

    def __init__(
        self,
        queues: Sequence[tuple[WaitQueue, int]],
        deadline: int | None = None,
        restart: int = ERESTARTSYS,
        interrupted: int | None = None,
        on_interrupt: Callable[[Task, SyscallArgs], int] | None = None,
    ) -> None:
        self.queues = queues
        self.deadline = deadline
        self.restart = restart
        self.interrupted = interrupted
        self.on_interrupt = on_interrupt


class Intercepted:
    """In `a.state` of a call whose handler has not been asked yet: `again` is run in its place when the task is woken."""

    __slots__ = ()

    def again(self, t: Task, a: SyscallArgs) -> Result:
        """As a handler."""
        raise NotImplementedError


class Again(Control):
    """Much is left to do, and nothing to wait for: run the handler again with what it keeps in `a.state`, after the
    others. Only a fatal signal ends the call in between."""

    __slots__ = ()


AGAIN: Final = Again()
TURN_NS: Final = 10_000_000  # for so long what one call asks for may be worked at before others have their turn


class Execute(Control):
    """Have `orders` executed in the guest's process until one fails, then return `finish(t, index, result)`.

    When the task has died meanwhile, `abandoned(t, index, result)` is called in place of `finish`.
    `value`: when all orders succeed `finish` will return this, and nobody else uses the address space; the
    guest may then go on before `finish` has run, which it has before the task's next trap is handled.
    """

    __slots__ = ("orders", "finish", "abandoned", "value")

    def __init__(
        self,
        orders: Sequence[Order],
        finish: Callable[[Task, int, int], Result],
        abandoned: Callable[[Task, int, int], None] | None = None,
        value: int | None = None,
    ) -> None:
        self.orders = orders
        self.finish = finish
        self.abandoned = abandoned
        self.value = value


class Assumed(Control):
    """The call ends with `value`; on the way the guest executes `order`, which is `free`, and the kernel has taken it
    for done. If the guest says that it failed, what `failed(t, errno)` makes of it (negative) is the call's result."""

    __slots__ = ("order", "value", "failed")

    def __init__(self, order: Order, value: int, failed: Callable[[Task, int], Result]) -> None:
        self.order = order
        self.value = value
        self.failed = failed


class Pending(Control):
    """The handler has arranged that `task.complete(result)` is called later (fork, clone, execve).

    The wait cannot be interrupted by signals other than SIGKILL; keep it short.
    """

    __slots__ = ()


PENDING: Final = Pending()

Result = int | Control
Handler = Callable[["Task", "SyscallArgs"], Result]
