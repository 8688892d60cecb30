"""strace output: one line per call, `pid name(arguments) = result`, written when the call ends.

What a call reads is formatted when it begins, what it writes when it ends. A call that never ends
(exit, a killed task) is printed with `= ?`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Sequence

from sandbox.strace.format import OUT_FORMATS, format_in, format_out, format_result

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.syscalls.row import Row


class _Call:
    """A call that has begun: its row, raw arguments, and texts, None where the output is still to come."""

    __slots__ = ("row", "raw", "texts")

    def __init__(self, row: Row, raw: tuple[int, ...], texts: list[str | None]) -> None:
        self.row = row
        self.raw = raw
        self.texts = texts


def begun(t: Task, rows: Sequence[Row], nr: int, raw: tuple[int, ...]) -> str:
    """A call that `t` is in, with what it reads; `...` for what it is to fill in."""
    if nr >= len(rows):
        return f"syscall_{nr}()"
    row = rows[nr]
    texts = ["..." if kind in OUT_FORMATS else format_in(t, kind, raw, n) for n, kind in enumerate(row.args)]
    return f"{row.name}({', '.join(texts)})"


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
            self._write(f"{t.ids.top()} syscall_{nr}() = -1 ENOSYS")
            return
        row = self._rows[nr]
        if self._only and row.name not in self._only:
            return
        texts: list[str | None] = [
            None if kind in OUT_FORMATS else format_in(t, kind, a.raw, n) for n, kind in enumerate(row.args)
        ]
        self._calls[t] = _Call(row, a.raw, texts)

    def leave(self, t: Task, result: int) -> None:
        """The call ends with `result`, maybe a restart code."""
        call = self._calls.pop(t, None)
        if call is None:
            return
        t.thread.settle()
        texts = [
            text if text is not None else format_out(t, call.row.args[n], call.raw, n, result)
            for n, text in enumerate(call.texts)
        ]
        self._write(f"{t.ids.top()} {call.row.name}({', '.join(texts)}) = {format_result(result)}")

    def signal(self, t: Task, name: str) -> None:
        """`t` is about to handle a signal, or to die of it."""
        self._write(f"{t.ids.top()} --- {name} ---")

    def exited(self, t: Task) -> None:
        """`t` ends; its call, if it is in one, never returns."""
        call = self._calls.pop(t, None)
        if call is not None:
            texts = [text or "..." for text in call.texts]
            self._write(f"{t.ids.top()} {call.row.name}({', '.join(texts)}) = ?")
        self._write(f"{t.ids.top()} +++ exited +++")
