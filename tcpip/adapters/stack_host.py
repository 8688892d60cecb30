"""Who drives a stack, as its sockets see it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from tcpip.stack.stack import Stack


class StackHost:
    """A stack that the thread which uses its sockets drives itself, in an event loop: nothing can block, nothing is locked.

    `ThreadedStack` is the other kind. Everything that touches `stack` holds `lock`; `wake` is called, with the lock
    held, after what may have set a timer or queued a packet. With `threaded`, callbacks of wait queues come from any thread.
    """

    threaded = False

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.lock: AbstractContextManager[Any] = nullcontext()

    def wake(self) -> None:
        """Nothing to do: the stack tells its runner by itself."""
