"""What a script's descriptors stand for: sockets, files of zeros or of the host, pipes, epoll sets."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tcpip.errno_map import errno_of
from tcpip.errors import NetworkError
from tcpip.transport.endpoint import AGAIN, Endpoint
from tcpip.waiter import EVENT_ALL, EVENT_HUP, EVENT_IN, EVENT_OUT
from tools.packetdrill.errors import CallError
from tools.packetdrill.flows import Flow

O_RDWR: Final = 2
O_NONBLOCK: Final = 0x800
PIPE_SIZE: Final = 65536


def translated(error: NetworkError) -> CallError:
    """The stack's error as an errno."""
    return CallError(errno_of(error.error))


class Descriptor:
    """One open file; `flags` are the status flags of fcntl(2)."""

    def __init__(self, flags: int = O_RDWR) -> None:
        self.flags = flags

    @property
    def blocking(self) -> bool:
        return not self.flags & O_NONBLOCK

    def readiness(self) -> int:
        """EVENT_* bits."""
        return EVENT_IN | EVENT_OUT

    def read(self, size: int) -> bytes | None:
        """None: it would block."""
        raise CallError(errno.EBADF)

    def write(self, data: bytes) -> int | None:
        """None: it would block."""
        raise CallError(errno.EBADF)

    def close(self) -> None:
        """The last reference is gone."""


class Socket(Descriptor):
    """An endpoint of the stack."""

    def __init__(self, endpoint: Endpoint, flow: Flow | None, flags: int = O_RDWR) -> None:
        super().__init__(flags)
        self.endpoint = endpoint
        self.flow = flow

    def readiness(self) -> int:
        return self.endpoint.readiness()

    def read(self, size: int) -> bytes | None:
        buffer = bytearray(size)
        try:
            got = self.endpoint.recv_into(memoryview(buffer))
        except NetworkError as error:
            raise translated(error) from None
        return None if got == AGAIN else bytes(buffer[:got])

    def write(self, data: bytes) -> int | None:
        try:
            taken = self.endpoint.send(data)
        except NetworkError as error:
            raise translated(error) from None
        return None if taken == AGAIN else taken

    def close(self) -> None:
        self.endpoint.close()


class ReadOnlyFile(Descriptor):
    """A file's bytes, read once."""

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self.data = data
        self.at = 0

    def read(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        self.at += len(piece)
        return piece


@dataclass(slots=True)
class PipeBuffer:
    """What lies between the two ends."""

    data: bytearray = field(default_factory=bytearray)
    writer_open: bool = True


class PipeReader(Descriptor):
    """pipe(2)'s first descriptor."""

    def __init__(self, buffer: PipeBuffer) -> None:
        super().__init__(0)
        self.buffer = buffer

    def readiness(self) -> int:
        if self.buffer.data:
            return EVENT_IN
        return 0 if self.buffer.writer_open else EVENT_HUP

    def read(self, size: int) -> bytes | None:
        if not self.buffer.data and self.buffer.writer_open:
            return None
        piece = bytes(self.buffer.data[:size])
        del self.buffer.data[:size]
        return piece


class PipeWriter(Descriptor):
    """pipe(2)'s second descriptor."""

    def __init__(self, buffer: PipeBuffer) -> None:
        super().__init__(1)
        self.buffer = buffer

    def readiness(self) -> int:
        return EVENT_OUT if len(self.buffer.data) < PIPE_SIZE else 0

    def write(self, data: bytes) -> int | None:
        room = PIPE_SIZE - len(self.buffer.data)
        if room <= 0:
            return None
        self.buffer.data += data[:room]
        return min(room, len(data))

    def close(self) -> None:
        self.buffer.writer_open = False


class Interest:
    """One descriptor in an epoll set. `happened`: something has, since it was last told (edge triggering)."""

    def __init__(self, descriptor: Descriptor, fd: int, events: int, data: int) -> None:
        self.descriptor = descriptor
        self.fd = fd
        self.happened = True
        self.enabled = True
        self._watch: Callable[[], None] | None = None
        self.modify(events, data)
        if isinstance(descriptor, Socket):
            queue = descriptor.endpoint.queue
            waiter = queue.add(EVENT_ALL, self._notify)
            self._watch = lambda: queue.remove(waiter)

    def modify(self, events: int, data: int) -> None:
        """EPOLL_CTL_ADD, EPOLL_CTL_MOD: reported (again) when ready."""
        self.events = events
        self.data = data
        self.happened = True
        self.enabled = True

    def _notify(self, mask: int) -> None:
        if not mask or mask & (self.events | EVENT_HUP | 8):
            self.happened = True

    def forget(self) -> None:
        if self._watch is not None:
            self._watch()
            self._watch = None


class EpollSet(Descriptor):
    """epoll_create(2)."""

    ET: Final = 1 << 31
    ONESHOT: Final = 1 << 30

    def __init__(self) -> None:
        super().__init__(0)
        self.interests: dict[int, Interest] = {}

    def readiness(self) -> int:
        return EVENT_IN if self.ready(1, False) else 0

    def ready(self, limit: int, take: bool = True) -> list[tuple[int, int]]:
        """(events, data) of what is ready, at most `limit`; `take` is epoll_wait(2)."""
        found: list[tuple[int, int]] = []
        for interest in self.interests.values():
            events = interest.descriptor.readiness() & (interest.events | EVENT_HUP | 8)
            if not events or not interest.enabled or (interest.events & self.ET and not interest.happened):
                continue
            found.append((events, interest.data))
            if take:
                interest.happened = False
                interest.enabled = not interest.events & self.ONESHOT
            if len(found) >= limit:
                break
        return found
