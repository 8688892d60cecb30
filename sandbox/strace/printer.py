"""strace output: one line for each call, `pid name(arguments) = result`, as `strace -f` prints it, written when the call ends.

What a call reads is formatted when it begins, what it writes when it ends. A call that never ends (exit, a killed task) is
printed with `= ?`. Nothing is "unfinished" and "resumed": the line of a call that waits comes when it has waited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final, Sequence

from sandbox.abi.linux.signal import signal_name
from sandbox.strace import results
from sandbox.strace.by_operation import OPERATIONS
from sandbox.strace.calls import CALLS
from sandbox.strace.decode import DECODERS
from sandbox.strace.memory import pointer
from sandbox.strace.structures import siginfo_text

if TYPE_CHECKING:
    from sandbox.kernel.signal_info import SignalInfo
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.syscalls.row import Row

Raw = tuple[int, ...]
COLUMN: Final = 40  # where results begin
MAX_LINE: Final = 4096  # of the arguments, and of the result


class _Call:
    """A call that has begun: its row, raw arguments, and texts, None where the output is still to come."""

    __slots__ = ("row", "raw", "texts")

    def __init__(self, row: Row, raw: Raw, texts: list[str | None]) -> None:
        self.row = row
        self.raw = raw
        self.texts = texts


def arguments(t: Task, name: str, raw: Raw) -> list[str | None]:
    """Texts before the call; None for what it fills in."""
    operation = OPERATIONS.get(name)
    if operation is not None:
        return operation(t, raw, None)
    texts: list[str | None] = []
    for n, word in enumerate(CALLS.get(name, ())):
        if word[0] == "<":
            texts.append(None)
            continue
        text = DECODERS[word](t, raw, n, None)
        if text is None:
            break
        texts.append(text)
    return texts


def _filled(t: Task, call: _Call, result: int) -> list[str]:
    """Texts after the call."""
    operation = OPERATIONS.get(call.row.name)
    if operation is not None and None in call.texts:
        return [text or "" for text in operation(t, call.raw, result)]
    words = CALLS.get(call.row.name, ())
    texts: list[str] = []
    for n, text in enumerate(call.texts):
        if text is None:
            filled = DECODERS[words[n][1:]](t, call.raw, n, result) if result >= 0 else None
            text = filled or pointer(call.raw[n])
        texts.append(text)
    return texts


def begun(t: Task, rows: Sequence[Row], nr: int, raw: Raw) -> str:
    """A call that `t` is in, with what it reads; `...` for what it is to fill in."""
    if nr >= len(rows):
        return f"syscall_{nr:#x}()"
    return _call(rows[nr].name, [text or "..." for text in arguments(t, rows[nr].name, raw)])


def _call(name: str, texts: Sequence[str]) -> str:
    joined = ", ".join(texts)
    return f"{name}({joined if len(joined) <= MAX_LINE else joined[:MAX_LINE] + '...'})"


def line(pid: int, call: str, result: str) -> str:
    """One line of output."""
    return f"{pid} {call} ".ljust(COLUMN) + f"= {result[:MAX_LINE]}"


class SyscallTrace:
    """`write(line)` gets each line, without its newline. `only`: names to print, all when empty."""

    def __init__(self, write: Callable[[str], None], rows: Sequence[Row], only: frozenset[str] = frozenset()) -> None:
        self._write = write
        self._rows = rows
        self._only = only
        self._calls: dict[Task, _Call] = {}

    def enter(self, t: Task, nr: int, a: SyscallArgs) -> None:
        """`t` is at the beginning of call `nr`."""
        if not 0 <= nr < len(self._rows):
            given = ", ".join([hex(value) if value else "0" for value in a.raw])
            self._write(line(t.ids.top(), f"syscall_{nr:#x}({given})", results.plain(-38)))
            return
        row = self._rows[nr]
        if self._only and row.name not in self._only:
            return
        self._calls[t] = _Call(row, a.raw, arguments(t, row.name, a.raw))

    def leave(self, t: Task, result: int) -> None:
        """The call ends with `result`, maybe a restart code."""
        call = self._calls.pop(t, None)
        if call is None:
            return
        t.thread.settle()
        text = _call(call.row.name, _filled(t, call, result))
        self._write(line(t.ids.top(), text, results.text(t, call.row.name, call.raw, result)))

    def signal(self, t: Task, info: SignalInfo) -> None:
        """`t` is about to handle a signal, or to die of it."""
        self._write(f"{t.ids.top()} --- {signal_name(info.signo)} {siginfo_text(info.pack())} ---")

    def exited(self, t: Task) -> None:
        """`t` ends; its call, if it is in one, never returns."""
        call = self._calls.pop(t, None)
        if call is not None:
            self._write(line(t.ids.top(), _call(call.row.name, [text or "..." for text in call.texts]), "?"))
        self._write(f"{t.ids.top()} +++ {_end(t)} +++")


def _end(t: Task) -> str:
    status = t.group.exit_status if t.group.exiting else t.exit_status
    if status & 0x7F:
        return f"killed by {signal_name(status & 0x7F)}" + (" (core dumped)" if status & 0x80 else "")
    return f"exited with {status >> 8 & 0xFF}"
