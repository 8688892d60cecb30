"""Pending signals of one task or one thread group, and the dispositions (kernel/signal.c: struct sigpending, sighand)."""

from __future__ import annotations

from collections import deque
from typing import Final

from sandbox.abi.linux.signal import NSIG, SA_SIGINFO, SIG_DFL, SIG_IGN, SIGRTMIN, SYNCHRONOUS
from sandbox.kernel.signal_info import SignalInfo


class SignalQueue:
    """`mask` has a bit for each pending signal. Standard signals are pending once, real-time ones queue."""

    __slots__ = ("mask", "_queues", "count")

    def __init__(self) -> None:
        self.mask = 0
        self.count = 0
        self._queues: dict[int, deque[SignalInfo]] = {}

    def add(self, info: SignalInfo, queue_limit: int) -> bool:
        """Make it pending. False: a real-time signal beyond `queue_limit` entries (the caller answers EAGAIN or drops
        the information). A standard signal that is pending already is kept as it was."""
        signo = info.signo
        bit = 1 << (signo - 1)
        if self.mask & bit and signo < SIGRTMIN and info.timer is None:
            return True
        if signo >= SIGRTMIN and self.count >= queue_limit and info.timer is None:
            return False
        self.mask |= bit
        queue = self._queues.get(signo)
        if queue is None:
            queue = self._queues[signo] = deque()
        queue.append(info)
        self.count += 1
        return True

    def take(self, wanted: int) -> SignalInfo | None:
        """Dequeue the first signal in `wanted`: synchronous ones first, then the lowest number."""
        ready = self.mask & wanted
        if not ready:
            return None
        if ready & SYNCHRONOUS:
            ready &= SYNCHRONOUS
        signo = (ready & -ready).bit_length()
        queue = self._queues[signo]
        info = queue.popleft()
        self.count -= 1
        if not queue:
            self.mask &= ~(1 << (signo - 1))
        return info

    def discard(self, signals: int) -> None:
        """Drop all pending signals in the set."""
        doomed = self.mask & signals
        self.mask &= ~doomed
        while doomed:
            low = doomed & -doomed
            queue = self._queues[low.bit_length()]
            self.count -= len(queue)
            queue.clear()
            doomed ^= low

    def discard_timer(self, timer: object) -> None:
        """Drop the queued signal of a POSIX timer that goes away."""
        for signo, queue in self._queues.items():
            for info in list(queue):
                if info.timer is timer:
                    queue.remove(info)
                    self.count -= 1
            if not queue:
                self.mask &= ~(1 << (signo - 1))


class SigAction:
    """struct sigaction: `handler` is SIG_DFL, SIG_IGN or an address. Never changed once installed."""

    __slots__ = ("handler", "flags", "restorer", "mask")

    def __init__(self, handler: int = SIG_DFL, flags: int = 0, restorer: int = 0, mask: int = 0) -> None:
        self.handler = handler
        self.flags = flags
        self.restorer = restorer
        self.mask = mask

    @property
    def wants_info(self) -> bool:
        """SA_SIGINFO."""
        return bool(self.flags & SA_SIGINFO)


DEFAULT_ACTION: Final = SigAction()
IGNORE_ACTION: Final = SigAction(SIG_IGN)


class SignalHandlers:
    """The dispositions: `actions[signo]`. Shared with CLONE_SIGHAND; `refs` thread groups use it."""

    __slots__ = ("actions", "refs")

    def __init__(self) -> None:
        self.actions: list[SigAction] = [DEFAULT_ACTION] * (NSIG + 1)
        self.refs = 1

    def copy(self) -> SignalHandlers:
        """For a fork."""
        new = SignalHandlers()
        new.actions = list(self.actions)
        return new

    def after_exec(self) -> SignalHandlers:
        """Handlers become SIG_DFL; what is ignored stays so."""
        new = SignalHandlers()
        new.actions = [IGNORE_ACTION if action.handler == SIG_IGN else DEFAULT_ACTION for action in self.actions]
        return new

    def reset_to_default(self) -> None:
        """CLONE_CLEAR_SIGHAND."""
        self.actions = [IGNORE_ACTION if action.handler == SIG_IGN else DEFAULT_ACTION for action in self.actions]
