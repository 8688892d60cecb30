"""Events of a sandbox for who listens: system calls, verdicts of its network, the life of its containers, as JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox import plain_json
from sandbox.control.messages import BadMessage
from sandbox.control.stream import STREAMS_MOST, OutStream
from sandbox.strace.printer import SyscallTrace
from sandbox.syscalls.linux.table_amd64 import ROWS
from sandbox.text import timestamp

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel

SYSCALLS: Final = "syscalls"
NETWORK: Final = "network"
CONTAINER: Final = "container"
POINTS: Final = (SYSCALLS, NETWORK, CONTAINER)


class EventsRefused(Exception):
    """`str()` is one line."""


class Events:
    """Of one sandbox; made when somebody first listens."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._listeners: dict[OutStream, frozenset[str]] = {}
        self._tracing: OutStream | None = None  # who gets the system calls

    def listen(self, fd: int, points: frozenset[str], calls: frozenset[str]) -> None:
        """From now on, until the reader hangs up; the descriptor is taken over. BadMessage, EventsRefused, and then it is
        not. `calls`: names of system calls, all when empty."""
        kernel = self.kernel
        if not points or points - set(POINTS):
            raise BadMessage("points are none")
        unknown = sorted(calls - {row.name for row in ROWS})
        if unknown:
            raise EventsRefused(f"unknown system call {unknown[0]!r}; runsc syscalls lists them")
        if len(self._listeners) >= STREAMS_MOST:
            raise EventsRefused(f"there are {STREAMS_MOST} listeners already")
        if SYSCALLS in points and kernel.trace is not None:
            raise EventsRefused("system calls are traced by somebody else already")
        stream = OutStream(kernel.reactor, fd, lambda: self._ended(stream))
        self._listeners[stream] = points
        if SYSCALLS in points:
            self._tracing = stream
            kernel.set_trace(SyscallTrace(self._call, ROWS, calls))
        guard = kernel.net.guard
        if NETWORK in points and guard is not None:
            guard.on_verdict = self._verdict

    def tell(self, point: str, body: dict[str, object]) -> None:
        """To everybody who listens to `point`, which is KIND/WHAT."""
        kind = point.partition("/")[0]
        for stream, points in list(self._listeners.items()):
            if kind in points:
                self._write(stream, point, body)
                if kind == CONTAINER:  # the sandbox may stand still, or end, before the next turn
                    stream.flush()

    def _write(self, stream: OutStream, point: str, body: dict[str, object]) -> None:
        entry = {"time": timestamp(self.kernel.clock.realtime_ns()), "point": point, **body}
        if stream.dropped:
            entry["dropped"] = stream.dropped
        stream.write(plain_json.dumps(entry).encode("utf-8", "surrogateescape") + b"\n")

    def _call(self, line: str) -> None:
        """A line of strace's: `tid name(…) = result`, `tid --- SIGNAL ---` or `tid +++ exited +++`."""
        tid, _, text = line.partition(" ")
        call, equals, result = text.rpartition(" = ")
        text = call.rstrip() + equals + result  # without the room up to the column of results
        name = text.partition("(")[0]
        point = f"{SYSCALLS}/{name}" if name.isidentifier() else f"{SYSCALLS}/"
        if self._tracing is not None:
            self._write(self._tracing, point, {"tid": int(tid) if tid.isdigit() else 0, "text": text})

    def _verdict(self, allowed: bool, who: str, protocol: str, host: str, port: int) -> None:
        self.tell(
            f"{NETWORK}/{'allowed' if allowed else 'denied'}",
            {"who": who, "protocol": protocol, "host": host, "port": port},
        )

    def _ended(self, stream: OutStream) -> None:
        points = self._listeners.pop(stream)
        if stream is self._tracing:
            self._tracing = None
            self.kernel.set_trace(None)
        guard = self.kernel.net.guard
        if (
            NETWORK in points
            and guard is not None
            and not any(NETWORK in others for others in self._listeners.values())
        ):
            guard.on_verdict = None
