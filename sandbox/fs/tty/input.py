"""Input processing of N_TTY: line editing, special characters, echo, canonical and raw reads (drivers/tty/n_tty.c).

Positions count bytes since the terminal was made. `read_tail` … `read_head` are in the buffer; `canon_head` is
the end of the last complete line; `ends` are the positions of line ends, where a NUL stands for end-of-file.
"""

from __future__ import annotations

from collections import deque
from typing import Callable, Final

from sandbox.abi.linux import termios as abi
from sandbox.abi.linux.signal import SIGINT, SIGQUIT, SIGTSTP
from sandbox.abi.linux.termios import Termios
from sandbox.fs.tty.output import Output, is_alnum, is_control

BUF_SIZE: Final = 4096
_MASK: Final = BUF_SIZE - 1
DISABLED: Final = 0
_NL: Final = 10
_CR: Final = 13
_TAB: Final = 9
_SPACE: Final = 32
_BS: Final = 8
ERASE: Final = 0
WERASE: Final = 1
KILL: Final = 2


def special_characters(termios: Termios) -> frozenset[int]:
    """char_map: what needs more than being queued and echoed."""
    iflag, lflag, cc = termios.iflag, termios.lflag, termios.cc
    out: set[int] = set()
    if iflag & (abi.IGNCR | abi.ICRNL):
        out.add(_CR)
    if iflag & abi.INLCR:
        out.add(_NL)
    if lflag & abi.ICANON:
        out.update((cc[abi.VERASE], cc[abi.VKILL], cc[abi.VEOF], _NL, cc[abi.VEOL]))
        if lflag & abi.IEXTEN:
            out.update((cc[abi.VWERASE], cc[abi.VLNEXT], cc[abi.VEOL2]))
            if lflag & abi.ECHO:
                out.add(cc[abi.VREPRINT])
    if iflag & abi.IXON:
        out.update((cc[abi.VSTART], cc[abi.VSTOP]))
    if lflag & abi.ISIG:
        out.update((cc[abi.VINTR], cc[abi.VQUIT], cc[abi.VSUSP]))
    out.discard(DISABLED)
    return frozenset(out)


class Input:
    """The line discipline of one slave. `signal(signo)` is told of INTR, QUIT, SUSP; `flow(stop)` of START, STOP;
    `flushed()` when a signal character throws the queues away."""

    __slots__ = (
        "output", "termios", "buf", "ends", "read_tail", "read_head", "canon_head", "lnext", "erasing", "special",
        "_signal", "_flow", "_flushed",
    )  # fmt: skip

    def __init__(
        self,
        output: Output,
        termios: Termios,
        signal: Callable[[int], None],
        flow: Callable[[bool], None],
        flushed: Callable[[], None],
    ) -> None:
        self.output = output
        self.termios = termios
        self.buf = bytearray(BUF_SIZE)
        self.ends: deque[int] = deque()  # ascending
        self.read_tail = 0
        self.read_head = 0
        self.canon_head = 0
        self.lnext = False
        self.erasing = False
        self.special = special_characters(termios)
        self._signal = signal
        self._flow = flow
        self._flushed = flushed

    # --- modes ---

    def canonical(self) -> bool:
        """Reads give lines."""
        return self.termios.lflag & (abi.ICANON | abi.EXTPROC) == abi.ICANON

    def set_termios(self, new: Termios) -> None:
        """n_tty_set_termios."""
        old = self.termios
        self.termios = new
        self.output.termios = new
        if (old.lflag ^ new.lflag) & (abi.ICANON | abi.EXTPROC):
            self.ends.clear()
            if not new.lflag & abi.ICANON or self.read_head == self.read_tail:
                self.canon_head = self.read_tail
            else:
                self.ends.append(self.read_head - 1)
                self.canon_head = self.read_head
            self.erasing = False
            self.lnext = False
        self.special = special_characters(new)
        if old.iflag & abi.IXON and not new.iflag & abi.IXON:
            self._start()

    def reset(self) -> None:
        """Throw away what was typed and not read."""
        self.read_tail = self.canon_head = self.read_head
        self.ends.clear()
        self.erasing = False
        self.lnext = False

    # --- receiving ---

    def receive(self, data: memoryview) -> int:
        """Take input: bytes consumed; fewer when the buffer is full."""
        done, size = 0, len(data)
        self.output.settled()
        while done < size:
            room = BUF_SIZE - (self.read_head - self.read_tail)
            if self.termios.iflag & abi.PARMRK:
                room = (room + 2) // 3
            room -= 1
            if room <= 0:
                # A full line buffer without a line: the last character is replaced, so that a line can end.
                if not (self.canonical() and self.canon_head == self.read_tail):
                    break
                if room < 0:
                    self.read_head -= 1
                room = 1
            step = min(room, size - done)
            self._receive_some(data[done : done + step])
            done += step
        if self.termios.lflag & (abi.ECHO | abi.ECHONL):
            self.output.process_echoes()
        return done

    def _receive_some(self, data: memoryview) -> None:
        termios = self.termios
        strip = termios.iflag & abi.ISTRIP
        lower = termios.iflag & abi.IUCLC and termios.lflag & abi.IEXTEN
        if (
            not self.special
            and not termios.lflag & (abi.ECHO | abi.ICANON)
            and not (termios.iflag & (abi.ISTRIP | abi.IUCLC | abi.PARMRK | abi.IXANY))
        ):
            self._store(data)
            return
        for c in data:
            if strip:
                c &= 0x7F
            if lower and (65 <= c <= 90 or 192 <= c <= 222 and c != 215):
                c += 32
            if self.lnext:
                self.lnext = False
                self._ordinary(c)
            elif termios.lflag & abi.EXTPROC:
                self._put(c)
            elif c in self.special:
                self._special(c)
            else:
                self._ordinary(c)

    def _store(self, data: memoryview) -> None:
        at = self.read_head & _MASK
        first = min(len(data), BUF_SIZE - at)
        self.buf[at : at + first] = data[:first]
        self.buf[: len(data) - first] = data[first:]
        self.read_head += len(data)

    def _put(self, c: int) -> None:
        self.buf[self.read_head & _MASK] = c
        self.read_head += 1

    def _put_marked(self, c: int) -> None:
        if c == 0xFF and self.termios.iflag & abi.PARMRK:
            self._put(c)
        self._put(c)

    def _restart_any(self) -> None:
        if self.output.stopped and self.termios.iflag & (abi.IXON | abi.IXANY) == abi.IXON | abi.IXANY:
            self._start()

    def _start(self) -> None:
        self._flow(False)
        self.output.process_echoes()

    def _ordinary(self, c: int) -> None:
        """n_tty_receive_char."""
        self._restart_any()
        if self.termios.lflag & abi.ECHO:
            self._finish_erasing()
            if self.canon_head == self.read_head:
                self.output.echo_set_canon_column()
            self.output.echo(c)
        self._put_marked(c)

    def _special(self, c: int) -> None:
        """n_tty_receive_char_special."""
        iflag, lflag, cc = self.termios.iflag, self.termios.lflag, self.termios.cc
        if iflag & abi.IXON:
            if c == cc[abi.VSTART]:
                self._start()
                return
            if c == cc[abi.VSTOP]:
                self._flow(True)
                return
        if lflag & abi.ISIG:
            if c == cc[abi.VINTR]:
                self._signal_char(SIGINT, c)
                return
            if c == cc[abi.VQUIT]:
                self._signal_char(SIGQUIT, c)
                return
            if c == cc[abi.VSUSP]:
                self._signal_char(SIGTSTP, c)
                return
        self._restart_any()
        if c == _CR:
            if iflag & abi.IGNCR:
                return
            if iflag & abi.ICRNL:
                c = _NL
        elif c == _NL and iflag & abi.INLCR:
            c = _CR
        if lflag & abi.ICANON and self._canonical_char(c):
            return
        if lflag & abi.ECHO:
            self._finish_erasing()
            if c == _NL:
                self.output.echo_raw(_NL)
            else:
                if self.canon_head == self.read_head:
                    self.output.echo_set_canon_column()
                self.output.echo(c)
        self._put_marked(c)

    def _signal_char(self, signo: int, c: int) -> None:
        self._signal(signo)
        if not self.termios.lflag & abi.NOFLSH:
            self.output.echoes.clear()
            self.reset()
            self._flushed()
        if self.termios.iflag & abi.IXON:
            self._flow(False)
        if self.termios.lflag & abi.ECHO:
            self.output.echo(c)
        else:
            self.output.process_echoes()

    def _canonical_char(self, c: int) -> bool:
        """n_tty_receive_char_canon. False: an ordinary character after all."""
        lflag, cc = self.termios.lflag, self.termios.cc
        extended = lflag & abi.IEXTEN
        output = self.output
        if c == cc[abi.VERASE] or c == cc[abi.VKILL] or (c == cc[abi.VWERASE] and extended):
            self._erase(c)
            return True
        if c == cc[abi.VLNEXT] and extended:
            self.lnext = True
            if lflag & abi.ECHO:
                self._finish_erasing()
                if lflag & abi.ECHOCTL:
                    output.echo_raw(0x5E)
                    output.echo_raw(_BS)
            return True
        if c == cc[abi.VREPRINT] and lflag & abi.ECHO and extended:
            self._finish_erasing()
            output.echo(c)
            output.echo_raw(_NL)
            for position in range(self.canon_head, self.read_head):
                output.echo(self.buf[position & _MASK])
            return True
        if c == _NL:
            if lflag & (abi.ECHO | abi.ECHONL):
                output.echo_raw(_NL)
            self._end_line(_NL)
            return True
        if c == cc[abi.VEOF]:
            self._end_line(DISABLED)
            return True
        if c == cc[abi.VEOL] or (c == cc[abi.VEOL2] and extended):
            if lflag & abi.ECHO:
                if self.canon_head == self.read_head:
                    output.echo_set_canon_column()
                output.echo(c)
            if c == 0xFF and self.termios.iflag & abi.PARMRK:
                self._put(c)
            self._end_line(c)
            return True
        return False

    def _end_line(self, c: int) -> None:
        self.ends.append(self.read_head)
        self._put(c)
        self.canon_head = self.read_head

    def _finish_erasing(self) -> None:
        if self.erasing:
            self.output.echo_raw(0x2F)
            self.erasing = False

    # --- erasing ---

    def _erase(self, c: int) -> None:
        """eraser."""
        if self.read_head == self.canon_head:
            return
        lflag, cc = self.termios.lflag, self.termios.cc
        if c == cc[abi.VERASE]:
            kind = ERASE
        elif c == cc[abi.VWERASE]:
            kind = WERASE
        else:
            if not lflag & abi.ECHO:
                self.read_head = self.canon_head
                return
            wanted = abi.ECHOK | abi.ECHOKE | abi.ECHOE
            if lflag & wanted != wanted:
                self.read_head = self.canon_head
                self._finish_erasing()
                self.output.echo(cc[abi.VKILL])
                if lflag & abi.ECHOK:
                    self.output.echo_raw(_NL)
                return
            kind = KILL
        self._erase_characters(kind)
        if self.read_head == self.canon_head and lflag & abi.ECHO:
            self._finish_erasing()

    def _continues(self, c: int) -> bool:
        """A continuation byte of UTF-8."""
        return bool(self.termios.iflag & abi.IUTF8) and c & 0xC0 == 0x80

    def _erase_characters(self, kind: int) -> None:
        buf = self.buf
        seen_word = False
        while self.read_head != self.canon_head:
            head = self.read_head
            while True:
                head -= 1
                c = buf[head & _MASK]
                if not self._continues(c) or head == self.canon_head:
                    break
            if self._continues(c):
                return
            if kind == WERASE:
                if is_alnum(c) or c == 0x5F:
                    seen_word = True
                elif seen_word:
                    return
            count = self.read_head - head
            self.read_head = head
            if self.termios.lflag & abi.ECHO:
                self._echo_erased(kind, c, head, count)
            if kind == ERASE:
                return

    def _echo_erased(self, kind: int, c: int, head: int, count: int) -> None:
        lflag, output = self.termios.lflag, self.output
        if lflag & abi.ECHOPRT:
            if not self.erasing:
                output.echo_raw(0x5C)
                self.erasing = True
            output.echo(c)
            for position in range(head + 1, head + count):
                output.echo_raw(self.buf[position & _MASK])
                output.echo_move_back()
        elif kind == ERASE and not lflag & abi.ECHOE:
            output.echo(self.termios.cc[abi.VERASE])
        elif c == _TAB:
            self._echo_erased_tab()
        else:
            control = is_control(c)
            shown = lflag & abi.ECHOCTL
            if control and shown:
                for byte in (_BS, _SPACE, _BS):
                    output.echo_raw(byte)
            if not control or shown:
                for byte in (_BS, _SPACE, _BS):
                    output.echo_raw(byte)

    def _echo_erased_tab(self) -> None:
        """Count the columns since the tab before it, or since the line began."""
        columns, after_tab = 0, False
        position = self.read_head
        while position != self.canon_head:
            position -= 1
            c = self.buf[position & _MASK]
            if c == _TAB:
                after_tab = True
                break
            if is_control(c):
                if self.termios.lflag & abi.ECHOCTL:
                    columns += 2
            elif not self._continues(c):
                columns += 1
        self.output.echo_erase_tab(columns, after_tab)

    # --- reading ---

    def available(self) -> int:
        """Bytes that a read could take (canonical: of complete lines)."""
        return (self.canon_head if self.canonical() else self.read_head) - self.read_tail

    def queued(self) -> int:
        """FIONREAD."""
        if not self.canonical():
            return self.read_head - self.read_tail
        count = self.canon_head - self.read_tail
        for position in self.ends:
            if self.buf[position & _MASK] == DISABLED:
                count -= 1
        return count

    def _copy(self, dst: memoryview, count: int) -> None:
        at = self.read_tail & _MASK
        first = min(count, BUF_SIZE - at)
        dst[:first] = self.buf[at : at + first]
        if count > first:
            dst[first:count] = self.buf[: count - first]

    def read_raw(self, dst: memoryview) -> int:
        """What there is, up to len(dst)."""
        count = min(len(dst), self.read_head - self.read_tail)
        self._copy(dst, count)
        self.read_tail += count
        termios = self.termios
        if termios.lflag & abi.EXTPROC and termios.lflag & abi.ICANON and count == 1 and dst[0] == termios.cc[abi.VEOF]:
            return 0 if self.read_tail == self.read_head else 1  # a lone end-of-file character
        return count

    def read_line(self, dst: memoryview) -> int:
        """Up to the end of a line; call only when there is one. 0: end-of-file was typed."""
        limit = min(self.read_tail + len(dst), self.canon_head)
        tail = self.read_tail
        ends = self.ends
        if not ends or ends[0] >= limit:
            count = limit - tail
            self._copy(dst, count)
            self.read_tail = limit
            if ends and ends[0] == limit and self.buf[limit & _MASK] == DISABLED:
                ends.popleft()  # an end-of-file right after a read that was filled does not count (canon_skip_eof)
                self.read_tail += 1
            return count
        end = ends.popleft()
        count = end - tail
        if self.buf[end & _MASK] != DISABLED:
            count += 1
        self._copy(dst, count)
        self.read_tail = end + 1
        return count
