"""Where the sandbox's kernel spends its time: its stack, looked at each time it has used so much processor time.

setitimer(2) counts the process's own time (ITIMER_PROF), so that an idle sandbox has no samples, and what a host call
costs is counted for who makes it. Compiled functions have no frames: a compiled kernel shows what is interpreted in it.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

    from sandbox.control.server import Connection
    from sandbox.reactor import Reactor

INTERVAL_US: Final = 4000  # the resolution of such timers is a tick of the host, 1 to 10 ms
MOST_SECONDS: Final = 600
DEPTH: Final = 64  # frames of a sample, the innermost ones
STACKS: Final = 8192  # different ones; further samples are counted under OTHER
ROOT: Final = "sandbox.boot.sandbox:Sandbox.run"  # what is further out is the same in each sample
OTHER: Final = "(other)"
SIZE_LIMIT: Final = 3 << 20  # bytes of the answer


class Profiler:
    """One profile; there is one at a time in a process, as there is one interval timer."""

    running: Profiler | None = None

    def __init__(self, reactor: Reactor, connection: Connection, seconds: int) -> None:
        self._connection = connection
        self._found: dict[str, int] = {}
        self._names: dict[object, str] = {}  # by code object
        self._before = signal.signal(signal.SIGPROF, self._sample)
        Profiler.running = self
        signal.siginterrupt(signal.SIGPROF, False)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL_US / 1e6, INTERVAL_US / 1e6)
        self._timer = reactor.timers.after(reactor.clock.now_ns() + seconds * 1_000_000_000, self._over)
        connection.on_close.append(self.stop)

    def stop(self) -> None:
        """No more samples; nothing if it has ended."""
        if Profiler.running is self:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, self._before)
            Profiler.running = None
            self._timer.cancel()

    def _over(self) -> None:
        self.stop()
        self._connection.answer({"interval_us": INTERVAL_US, "stacks": self.folded()})

    def _sample(self, number: int, frame: FrameType | None) -> None:
        names: list[str] = []
        while frame is not None and len(names) < DEPTH:
            name = self._name(frame)
            if name == ROOT:
                break
            names.append(name)
            frame = frame.f_back
        names.reverse()
        stack = ";".join(names)
        if stack not in self._found and len(self._found) >= STACKS:
            stack = OTHER
        self._found[stack] = self._found.get(stack, 0) + 1

    def _name(self, frame: FrameType) -> str:
        code = frame.f_code
        name = self._names.get(code)
        if name is None:
            module = str(frame.f_globals.get("__name__", os.path.basename(code.co_filename)))
            name = self._names[code] = f"{module}:{code.co_qualname}"
        return name

    def folded(self) -> list[str]:
        """`outer;inner count`, the most frequent first, as many as fit."""
        lines: list[str] = []
        size = 0
        for stack, count in sorted(self._found.items(), key=lambda item: (-item[1], item[0])):
            line = f"{stack} {count}"
            size += len(line) + 3
            if size > SIZE_LIMIT:
                break
            lines.append(line)
        return lines
