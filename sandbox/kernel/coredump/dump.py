"""Writing a core (fs/coredump.c: do_coredump; fs/binfmt_elf.c: elf_core_dump).

All threads come to a halt where they are; then headers and notes are written and what is in memory, a part of one core in each turn
of the event loop, so that nobody waits long and none of it is kept here. The process ends when that is done.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, Iterator

from sandbox.errors import SyscallError
from sandbox.kernel import task_block, task_exit, task_signals
from sandbox.kernel.coredump.areas import PAGE, SOME, Segment, pieces, segments
from sandbox.kernel.coredump.notes import ThreadState, files, of_process, of_thread
from sandbox.kernel.coredump.target import Target, open_target, wants_core
from sandbox.kernel.task_state import PARK_DEAD, PARK_DUMP, PARK_NONE, WORK_KILL

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.signal_info import SignalInfo
    from sandbox.kernel.task import Task

DUMPED: Final = 0x80  # of a wait status: WCOREDUMP
# For so long a core is gathered and written before others have a turn, other cores among them.
TURN_NS: Final = 2_000_000
NOTHING: Final = (0, b"")  # nothing to write yet
_EHDR: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_PHDR: Final = struct.Struct("<IIQQQQQQ")
_SHDR: Final = struct.Struct("<IIQQQQIIQQ")
_IDENT: Final = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
_ET_CORE, _EM_X86_64, _PT_LOAD, _PT_NOTE, _PN_XNUM = 4, 62, 1, 4, 0xFFFF
_STATUS_SIZE: Final = 356  # of the note of a thread's status


def begin(t: Task, info: SignalInfo) -> bool:
    """`info` ends the process, and leaves a core if it may: False when not. Else the process ends later."""
    group = t.group
    if group.exiting or group.exec_task is not None or t.mm is None or not wants_core(t):
        return False
    core = CoreDump(t, info)
    group.core = core
    core.halt()
    return True


class CoreDump:
    """`threads`: those that have come to a halt, the one whose signal it is first."""

    __slots__ = ("t", "info", "threads", "_missing", "_target", "_stream", "_over")

    def __init__(self, t: Task, info: SignalInfo) -> None:
        self.t = t
        self.info = info
        self.threads: dict[Task, ThreadState] = {}
        self._missing = dict.fromkeys(t.group.tasks)
        self._target: Target | None = None
        self._stream: Iterator[tuple[int, bytes]] | None = None
        self._over = False

    # --- the threads ---

    def halt(self) -> None:
        """Have all of them stop."""
        self.holds(self.t)
        for task in list(self._missing):
            if task is self.t or task in self.threads:
                continue
            task.work |= WORK_KILL
            if task.parked == PARK_NONE and not task.host_op:
                task.thread.interrupt()
            else:
                task_exit.exit_task(task)

    def holds(self, task: Task) -> bool:
        """A thread of the process would end, and is kept instead as long as the core is written. False: let it end."""
        if self._over:
            return False
        if task in self.threads:
            task.parked = PARK_DUMP
            return True
        orig, result = -1, task.result
        block = task.block
        if block is not None:
            result = -block.restart if block.interrupted is None else block.interrupted
        if result is not None:
            orig = task.nr
        self.threads[task] = ThreadState(task, orig, result)
        task_block.abandon(task)
        task.parked = PARK_DUMP
        if task.thread.whole():
            self._halted(task)
        else:
            self._make_whole(task)
        return True

    def _make_whole(self, task: Task) -> None:
        task.host_op = True

        def done() -> None:
            task.host_op = False
            if task.parked != PARK_DEAD:
                if task.work & WORK_KILL and self._over:
                    task_exit.exit_task(task)
                else:
                    self._halted(task)

        task.thread.make_whole(done)

    def _halted(self, task: Task) -> None:
        """The last one lets the writing begin."""
        self._missing.pop(task, None)
        if not self._missing and not self._over:
            self.t.kernel.reactor.call_soon(self._start)

    # --- the file ---

    def _start(self) -> None:
        if self._over:
            return
        self._target = open_target(self.t, self.info)
        if self._target is None:
            self._finish(False)
            return
        self._stream = _contents(self)
        self._go_on()

    def _go_on(self) -> None:
        """Whatever number of cores there are, one of them is gone on with at a time."""
        kernel = self.t.kernel
        kernel.cores.append(self._step)
        if len(kernel.cores) == 1:
            kernel.reactor.call_later(lambda: _turn(kernel))

    def _step(self) -> None:
        """One turn."""
        target, stream = self._target, self._stream
        if self._over or target is None or stream is None:
            return
        clock = self.t.kernel.clock
        until = clock.now_ns() + TURN_NS
        try:
            if not target.flush(self._go_on):
                return
            while clock.now_ns() < until:
                piece = next(stream, None)
                if piece is None:
                    if target.flush(self._go_on) and target.read_out(self._go_on):
                        target.close()
                        self._finish(True)
                    return
                zeros, data = piece
                if zeros:
                    target.skip(zeros)
                elif data and not target.emit(data, self._go_on):
                    return
        except SyscallError:
            self._finish(not target.failed)  # what there is of it is a core all the same
            return
        self._go_on()

    def _finish(self, dumped: bool) -> None:
        t = self.t
        self._stop()
        t.parked = PARK_NONE
        task_signals.end(t, self.info.signo | (DUMPED if dumped else 0))

    def _stop(self) -> None:
        self._over = True
        self._stream = None
        self.t.group.core = None
        target, self._target = self._target, None
        if target is not None:
            target.drop()

    def give_up(self) -> None:
        """The process is killed meanwhile."""
        self._stop()


def _turn(kernel: Kernel) -> None:
    """Of the first core that waits for it."""
    kernel.cores[0]()
    kernel.cores.popleft()
    if kernel.cores:
        kernel.reactor.call_later(lambda: _turn(kernel))


def _contents(core: CoreDump) -> Iterator[tuple[int, bytes]]:
    """All of the file: (0, bytes), or (number of zeros, b"")."""
    t, signo = core.t, core.info.signo
    parts: list[Segment] = []
    for _ in segments(t, parts):
        yield NOTHING
    names = bytearray()
    for _ in files(t, names):
        yield NOTHING
    process = of_process(t, core.info, bytes(names))
    states = list(core.threads.values())
    sizes: list[int] = []
    for state in states:
        sizes.append(len(of_thread(state, signo)[1]))
        yield NOTHING
    notes = len(process) + sum(sizes) + len(states) * _STATUS_SIZE
    heads = bytearray()
    for _ in _headers(parts, notes, heads):
        yield NOTHING
    yield 0, bytes(heads)
    for state, size in zip(states, sizes, strict=True):
        status, floating = of_thread(state, signo)
        yield 0, status + (process if state.task is t else b"") + floating[:size].ljust(size, b"\0")
    yield -(len(heads) + notes) % PAGE, b""
    for part in parts:
        if part.size:
            yield from pieces(t.space, part)
    if len(parts) + 1 >= _PN_XNUM:
        yield 0, _SHDR.pack(0, 0, 0, 0, 0, 1, 0, len(parts) + 1, 0, 0)


def _headers(parts: list[Segment], notes: int, out: bytearray) -> Iterator[None]:
    """Of the file and of its segments; some are added to `out` in each step."""
    count = len(parts) + 1
    many = count >= _PN_XNUM
    at = _EHDR.size + count * _PHDR.size
    where = at + notes + -(at + notes) % PAGE
    out += _EHDR.pack(
        _IDENT,
        _ET_CORE,
        _EM_X86_64,
        1,
        0,
        _EHDR.size,
        where if many else 0,
        0,
        _EHDR.size,
        _PHDR.size,
        _PN_XNUM if many else count,
        64 if many else 0,
        1 if many else 0,
        0,
    )
    out += _PHDR.pack(_PT_NOTE, 0, at, 0, 0, notes, 0, 4)
    for n, part in enumerate(parts):
        out += _PHDR.pack(_PT_LOAD, part.flags, where, part.start, 0, part.size, part.end - part.start, PAGE)
        where += part.size
        if not n % SOME:
            yield
