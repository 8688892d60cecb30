"""Pending signals of one task or one thread group, and the dispositions (kernel/signal.c: struct sigpending, sighand)."""

from __future__ import annotations

from collections import deque
from typing import Final

from sandbox.abi.linux.signal import NSIG, SA_RESTORER, SA_SIGINFO, SI_USER, SIG_DFL, SIG_IGN, SIGRTMIN, SYNCHRONOUS
from sandbox.kernel.signal_info import SignalInfo


class SignalCount:
    """How many signals are queued to processes of one user (RLIMIT_SIGPENDING bounds it)."""

    __slots__ = ("queued",)

    def __init__(self) -> None:
        self.queued = 0


class SignalQueue:
    """`mask` has a bit for each pending signal. Standard signals are pending once, real-time ones queue.

    A pending signal without an entry has lost its information: the queue was full.
    """

    __slots__ = ("mask", "_queues")

    def __init__(self) -> None:
        self.mask = 0
        self._queues: dict[int, deque[SignalInfo]] = {}

    def add(self, info: SignalInfo, count: SignalCount, limit: int) -> bool:
        """Make it pending. False: the queue is full, and the signal is a real-time one that was not sent by kill(2).

        A standard signal that is pending already is kept as it was; a timer's signal has a place of its own.
        (kernel/signal.c: __send_signal_locked)
        """
        signo = info.signo
        bit = 1 << (signo - 1)
        if info.timer is None:
            if signo < SIGRTMIN:
                if self.mask & bit:
                    return True
            elif count.queued >= limit:
                if info.code != SI_USER:
                    return False
                self.mask |= bit
                return True
        self.mask |= bit
        queue = self._queues.get(signo)
        if queue is None:
            queue = self._queues[signo] = deque()
        queue.append(info)
        if info.timer is None:  # which else is counted as long as it is there
            count.queued += 1
            info.charged = count
        return True

    def take(self, wanted: int) -> SignalInfo | None:
        """Dequeue the first signal in `wanted`: synchronous ones first, then the lowest number."""
        ready = self.mask & wanted
        if not ready:
            return None
        if ready & SYNCHRONOUS:
            ready &= SYNCHRONOUS
        signo = (ready & -ready).bit_length()
        queue = self._queues.get(signo)
        if not queue:
            self.mask &= ~(1 << (signo - 1))
            return SignalInfo(signo, SI_USER)
        info = queue.popleft()
        if info.charged is not None:
            info.charged.queued -= 1
        if not queue:
            self.mask &= ~(1 << (signo - 1))
        return info

    def waiting(self) -> list[SignalInfo]:
        """What is queued, by number."""
        return [info for signo in sorted(self._queues) for info in self._queues[signo]]

    def discard(self, signals: int) -> None:
        """Drop all pending signals in the set."""
        doomed = self.mask & signals
        self.mask &= ~doomed
        while doomed:
            low = doomed & -doomed
            doomed ^= low
            queue = self._queues.pop(low.bit_length(), None)
            for info in queue or ():
                if info.charged is not None:
                    info.charged.queued -= 1

    def discard_timer(self, timer: object) -> None:
        """Drop the queued signal of a POSIX timer that goes away."""
        for signo, queue in self._queues.items():
            for info in [info for info in queue if info.timer is timer]:
                queue.remove(info)
                if info.charged is not None:
                    info.charged.queued -= 1
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

    def unchanged(self) -> int:
        """The signals, as a mask, that nobody has set an action for."""
        mask = 0
        for signo, action in enumerate(self.actions):
            if action is DEFAULT_ACTION and signo:
                mask |= 1 << signo - 1
        return mask

    def set_default(self, signals: int, restorer: int) -> None:
        """Those of the mask get SIG_DFL, with the restorer that libc sets for all."""
        action = SigAction(SIG_DFL, SA_RESTORER, restorer)
        for signo in range(1, NSIG + 1):
            if signals >> signo - 1 & 1:
                self.actions[signo] = action

    def after_exec(self) -> SignalHandlers:
        """Handlers become SIG_DFL; what is ignored stays so."""
        new = SignalHandlers()
        new.actions = [IGNORE_ACTION if action.handler == SIG_IGN else DEFAULT_ACTION for action in self.actions]
        return new

    def reset_to_default(self) -> None:
        """CLONE_CLEAR_SIGHAND."""
        self.actions = [IGNORE_ACTION if action.handler == SIG_IGN else DEFAULT_ACTION for action in self.actions]
