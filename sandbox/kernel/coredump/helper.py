"""A program that reads a core (kernel.core_pattern with `|`): the core is its input (kernel/umh.c, fs/coredump.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.kernel.coredump.name import helper_words
from sandbox.kernel.coredump.target import Target
from sandbox.kernel.pipe import new_pipe
from sandbox.kernel.rlimits import RLIM_INFINITY
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.waiter import EVENT_OUT

if TYPE_CHECKING:
    from sandbox.kernel.pipe import PipeFile
    from sandbox.kernel.signal_info import SignalInfo
    from sandbox.kernel.task import Task
    from tcpip.waiter import Waiter

ZEROS: Final = bytes(1 << 16)


def start(t: Task, info: SignalInfo) -> Target | None:
    """The program of the pattern is started; None where there is no word in it, or enough of them read cores already."""
    kernel = t.kernel
    words = helper_words(t, info)
    limit = kernel.settings.core_pipe_limit
    if not words or not words[0] or kernel.start_helper is None or (limit and kernel.core_helpers >= limit):
        return None
    read_end, write_end = new_pipe(t, 0)
    target = PipeTarget(t, write_end)
    read_end.acquire()

    def started(well: bool) -> None:
        target.failed = not well
        read_end.drop()

    kernel.start_helper(t, words, read_end, started)
    return target


class PipeTarget(Target):
    """Nothing is left out: zeros are written. With a limit of programs that read cores at a time, the process waits until this
    one has read all of it (wait_for_dump_helpers)."""

    def __init__(self, t: Task, file: PipeFile) -> None:
        super().__init__(RLIM_INFINITY)
        file.acquire()
        t.kernel.core_helpers += 1
        self._t = t
        self._file = file
        self._pipe = file.pipe
        self._open = True
        self._zeros = 0
        self._left = memoryview(b"")
        self._waiter: Waiter | None = None

    def emit(self, data: bytes, again: Callable[[], None]) -> bool:
        """SyscallError when nobody reads any more."""
        self._left = memoryview(data)
        return self.flush(again)

    def skip(self, zeros: int) -> None:
        self._zeros += zeros

    def flush(self, again: Callable[[], None]) -> bool:
        while self._zeros or self._left:
            part = memoryview(ZEROS)[: self._zeros] if self._zeros else self._left
            count = self._file.write(self._t, part)
            if count == WOULD_BLOCK:
                self._wait(again)
                return False
            if self._zeros:
                self._zeros -= count
            else:
                self._left = self._left[count:]
        return True

    def _wait(self, again: Callable[[], None]) -> None:
        queue = self._pipe.queue

        def room(mask: int) -> None:
            waiter, self._waiter = self._waiter, None
            if waiter is not None:
                queue.remove(waiter)
                self._t.kernel.reactor.call_soon(again)

        if self._waiter is None:
            self._waiter = queue.add(EVENT_OUT, room)

    def close(self) -> None:
        """All of it is in the pipe."""

    def read_out(self, again: Callable[[], None]) -> bool:
        """With a limit: until the program has closed its end."""
        self._close()
        if not self._t.kernel.settings.core_pipe_limit or not self._pipe.readers:
            return True
        self._wait(again)
        return False

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._file.drop()

    def drop(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            self._pipe.queue.remove(waiter)
        self._t.kernel.core_helpers -= 1
        self._close()
