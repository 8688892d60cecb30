"""Output processing and the echo queue of N_TTY (drivers/tty/n_tty.c: do_output_char, __process_echoes)."""

from __future__ import annotations

from collections import deque
from typing import Final

from sandbox.abi.linux.termios import (
    ECHOCTL,
    IUTF8,
    OCRNL,
    OLCUC,
    ONLCR,
    ONLRET,
    ONOCR,
    OPOST,
    TABDLY,
    XTABS,
    Termios,
)

OUTPUT_LIMIT: Final = 16384  # bytes that wait for whoever reads the other end
MASTER_BUFFER: Final = 4095
ECHO_LIMIT: Final = 4096
_SLOW: Final = OLCUC | OCRNL | ONOCR | ONLRET
_NL: Final = 10
_CR: Final = 13
_TAB: Final = 9
_BS: Final = 8

# Operations in the echo queue; numbers below are characters that go through output processing.
_OP_RAW: Final = 0x100  # + character: as it is, one column
_OP_CONTROL: Final = 0x200  # + character: ^X
_OP_MOVE_BACK: Final = 0x300
_OP_SET_CANON_COL: Final = 0x301
_OP_ERASE_TAB: Final = 0x400  # + number of columns, 0x80: counted from a tab


def is_control(c: int) -> bool:
    """iscntrl of lib/ctype.c."""
    return c < 32 or c == 127


def is_alnum(c: int) -> bool:
    """isalnum of lib/ctype.c: Latin-1."""
    return 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 or (c >= 192 and c not in (0xD7, 0xF7))


def to_upper(c: int) -> int:
    """toupper of lib/ctype.c."""
    return c - 32 if 97 <= c <= 122 or (c >= 0xDF and c != 0xF7) else c


class Output:
    """What goes from the slave to the master: `data` waits to be read. `stopped`: Ctrl-S."""

    __slots__ = ("data", "column", "canon_column", "stopped", "echoes", "termios", "_safe")

    def __init__(self, termios: Termios) -> None:
        self.data = bytearray()
        self.column = 0
        self.canon_column = 0  # where the line being typed began
        self.stopped = False
        self.echoes: deque[int] = deque()
        self.termios = termios
        self._safe = 0  # bytes at the front of `data` that a flush does not reach

    def settled(self) -> None:
        """What is in `data` now has reached the master's own line discipline, as far as that has room."""
        self._safe = min(len(self.data), MASTER_BUFFER)

    def flush(self) -> None:
        """Drop what the master's line discipline has not got yet."""
        del self.data[self._safe :]

    def room(self) -> int:
        """Bytes that may be put now."""
        return 0 if self.stopped else OUTPUT_LIMIT - len(self.data)

    # --- writing ---

    def write(self, src: memoryview) -> int:
        """Process and queue as much of `src` as fits: bytes taken."""
        room = self.room()
        if room <= 0:
            return 0
        oflag = self.termios.oflag
        if not oflag & OPOST:
            take = min(room, len(src))
            self.data += src[:take]
            return take
        data = bytes(src[:room])
        if oflag & _SLOW or oflag & TABDLY == XTABS:
            return self._write_slow(data)
        if oflag & ONLCR:
            out = data.replace(b"\n", b"\r\n")
            while len(out) > room:
                data = data[: max(len(data) - (len(out) - room), len(data) // 2)]
                if not data:
                    return 0
                out = data.replace(b"\n", b"\r\n")
        else:
            out = data
        self.data += out
        self._advance(data)
        return len(data)

    def _write_slow(self, data: bytes) -> int:
        done = 0
        for c in data:
            if not self.put_char(c):
                break
            done += 1
        return done

    def _advance(self, data: bytes) -> None:
        """The column after `data`; newlines return the carriage only with ONLCR."""
        if self.termios.oflag & ONLCR:
            start = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        else:
            start = data.rfind(b"\r") + 1
        if start:
            self.column = self.canon_column = 0
        tail = data[start:]
        if tail.isascii() and tail.isalnum():
            self.column += len(tail)
            return
        utf8 = self.termios.iflag & IUTF8
        for c in tail:
            if c == _TAB:
                self.column += 8 - (self.column & 7)
            elif c == _BS:
                if self.column:
                    self.column -= 1
            elif not is_control(c) and not (utf8 and c & 0xC0 == 0x80):
                self.column += 1

    def put_char(self, c: int) -> bool:
        """do_output_char. False: no room, nothing done."""
        room = self.room()
        if room <= 0:
            return False
        oflag = self.termios.oflag
        if c == _NL:
            if oflag & ONLRET:
                self.column = 0
            if oflag & ONLCR:
                if room < 2:
                    return False
                self.canon_column = self.column = 0
                self.data += b"\r\n"
                return True
            self.canon_column = self.column
        elif c == _CR:
            if oflag & ONOCR and self.column == 0:
                return True
            if oflag & OCRNL:
                c = _NL
                if oflag & ONLRET:
                    self.canon_column = self.column = 0
            else:
                self.canon_column = self.column = 0
        elif c == _TAB:
            spaces = 8 - (self.column & 7)
            if oflag & TABDLY == XTABS:
                if room < spaces:
                    return False
                self.column += spaces
                self.data += b" " * spaces
                return True
            self.column += spaces
        elif c == _BS:
            if self.column:
                self.column -= 1
        elif not is_control(c):
            if oflag & OLCUC:
                c = to_upper(c)
            if not (self.termios.iflag & IUTF8 and c & 0xC0 == 0x80):
                self.column += 1
        self.data.append(c)
        return True

    # --- echoing ---

    def echo_raw(self, c: int) -> None:
        """echo_char_raw: the character itself, through output processing."""
        self._queue(_OP_RAW | c if c == 0xFF else c)

    def echo(self, c: int) -> None:
        """echo_char: control characters as ^X with ECHOCTL."""
        if c == 0xFF:
            self._queue(_OP_RAW | c)
        elif self.termios.lflag & ECHOCTL and is_control(c) and c != _TAB:
            self._queue(_OP_CONTROL | c)
        else:
            self._queue(c)

    def echo_move_back(self) -> None:
        """The next bytes of a multi-byte character take no column."""
        self._queue(_OP_MOVE_BACK)

    def echo_set_canon_column(self) -> None:
        """A line begins here."""
        self._queue(_OP_SET_CANON_COL)

    def echo_erase_tab(self, columns: int, after_tab: bool) -> None:
        """Go back over a tab; `columns` lie between it and the tab or line start before it."""
        self._queue(_OP_ERASE_TAB | columns & 7 | (0x80 if after_tab else 0))

    def _queue(self, op: int) -> None:
        if len(self.echoes) >= ECHO_LIMIT:
            self.echoes.popleft()
        self.echoes.append(op)

    def process_echoes(self) -> None:
        """Put what has been queued, as far as there is room."""
        echoes = self.echoes
        while echoes and self._echo_one(echoes[0]):
            echoes.popleft()

    def _echo_one(self, op: int) -> bool:
        room = self.room()
        if op == _OP_SET_CANON_COL:
            self.canon_column = self.column
            return True
        if op == _OP_MOVE_BACK:
            if self.column:
                self.column -= 1
            return True
        if op >= _OP_ERASE_TAB:
            columns = op & 0xFF
            if not columns & 0x80:
                columns += self.canon_column
            count = 8 - (columns & 7)
            if room < count:
                return False
            self.data += b"\b" * count
            self.column = max(0, self.column - count)
            return True
        if op >= _OP_CONTROL:
            if room < 2:
                return False
            self.data += bytes((0x5E, (op & 0xFF) ^ 0x40))
            self.column += 2
            return True
        if room < 1:
            return False
        if op >= _OP_RAW:
            self.data.append(op & 0xFF)
            self.column += 1
            return True
        if self.termios.oflag & OPOST:
            return self.put_char(op)
        self.data.append(op)
        return True
