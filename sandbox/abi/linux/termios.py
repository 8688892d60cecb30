"""Terminal modes: include/uapi/asm-generic/termbits.h, x86-64 values."""

from __future__ import annotations

import struct
from typing import Final

VINTR: Final = 0
VQUIT: Final = 1
VERASE: Final = 2
VKILL: Final = 3
VEOF: Final = 4
VTIME: Final = 5
VMIN: Final = 6
VSWTC: Final = 7
VSTART: Final = 8
VSTOP: Final = 9
VSUSP: Final = 10
VEOL: Final = 11
VREPRINT: Final = 12
VDISCARD: Final = 13
VWERASE: Final = 14
VLNEXT: Final = 15
VEOL2: Final = 16
NCCS: Final = 19

IGNBRK: Final = 0o1
BRKINT: Final = 0o2
IGNPAR: Final = 0o4
PARMRK: Final = 0o10
INPCK: Final = 0o20
ISTRIP: Final = 0o40
INLCR: Final = 0o100
IGNCR: Final = 0o200
ICRNL: Final = 0o400
IUCLC: Final = 0o1000
IXON: Final = 0o2000
IXANY: Final = 0o4000
IXOFF: Final = 0o10000
IMAXBEL: Final = 0o20000
IUTF8: Final = 0o40000

OPOST: Final = 0o1
OLCUC: Final = 0o2
ONLCR: Final = 0o4
OCRNL: Final = 0o10
ONOCR: Final = 0o20
ONLRET: Final = 0o40
TABDLY: Final = 0o14000
XTABS: Final = 0o14000

B38400: Final = 0o17
CSIZE: Final = 0o60
CS8: Final = 0o60
CREAD: Final = 0o200
PARENB: Final = 0o400
CLOCAL: Final = 0o4000
CBAUD: Final = 0o10017
BOTHER: Final = 0o10000

ISIG: Final = 0o1
ICANON: Final = 0o2
ECHO: Final = 0o10
ECHOE: Final = 0o20
ECHOK: Final = 0o40
ECHONL: Final = 0o100
NOFLSH: Final = 0o200
TOSTOP: Final = 0o400
ECHOCTL: Final = 0o1000
ECHOPRT: Final = 0o2000
ECHOKE: Final = 0o4000
IEXTEN: Final = 0o100000
EXTPROC: Final = 0o200000

TIOCPKT_DATA: Final = 0
TIOCPKT_FLUSHREAD: Final = 1
TIOCPKT_FLUSHWRITE: Final = 2
TIOCPKT_STOP: Final = 4
TIOCPKT_START: Final = 8
TIOCPKT_NOSTOP: Final = 16
TIOCPKT_DOSTOP: Final = 32
TIOCPKT_IOCTL: Final = 64

TERMIOS: Final = struct.Struct("<IIIIB19s")
TERMIOS2: Final = struct.Struct("<IIIIB19sII")
TERMIO: Final = struct.Struct("<HHHHB8sx")

_SPEEDS: Final = (0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400)
_FAST_SPEEDS: Final = (
    0, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000,
    3500000, 4000000,
)  # fmt: skip


def speed_of(cflag: int) -> int | None:
    """Bits per second for the CBAUD bits; None for BOTHER."""
    bits = cflag & CBAUD
    if bits == BOTHER:
        return None
    return _FAST_SPEEDS[bits & 0o17] if bits & BOTHER else _SPEEDS[bits]


class Termios:
    """struct ktermios. Never changed once a terminal has it: make a new one."""

    __slots__ = ("iflag", "oflag", "cflag", "lflag", "line", "cc", "ispeed", "ospeed")

    def __init__(self, iflag: int, oflag: int, cflag: int, lflag: int, cc: bytes, line: int = 0) -> None:
        self.iflag = iflag
        self.oflag = oflag
        self.cflag = cflag
        self.lflag = lflag
        self.line = line
        self.cc = cc
        speed = speed_of(cflag)
        self.ispeed = self.ospeed = 38400 if speed is None else speed

    def pack(self) -> bytes:
        """struct termios (TCGETS)."""
        return TERMIOS.pack(self.iflag, self.oflag, self.cflag, self.lflag, self.line, self.cc)

    def pack2(self) -> bytes:
        """struct termios2 (TCGETS2)."""
        return TERMIOS2.pack(
            self.iflag, self.oflag, self.cflag, self.lflag, self.line, self.cc, self.ispeed, self.ospeed
        )

    def pack_old(self) -> bytes:
        """struct termio (TCGETA)."""
        return TERMIO.pack(
            self.iflag & 0xFFFF, self.oflag & 0xFFFF, self.cflag & 0xFFFF, self.lflag & 0xFFFF, self.line, self.cc[:8]
        )


def unpack(data: bytes) -> Termios:
    """From struct termios."""
    iflag, oflag, cflag, lflag, line, cc = TERMIOS.unpack(data)
    return Termios(iflag, oflag, cflag, lflag, cc, line)


def unpack2(data: bytes) -> Termios:
    """From struct termios2."""
    iflag, oflag, cflag, lflag, line, cc, ispeed, ospeed = TERMIOS2.unpack(data)
    new = Termios(iflag, oflag, cflag, lflag, cc, line)
    if speed_of(cflag) is None:
        new.ispeed, new.ospeed = ispeed or ospeed, ospeed
    return new


def unpack_old(data: bytes, old: Termios) -> Termios:
    """From struct termio: the upper halves and further characters stay as they were."""
    iflag, oflag, cflag, lflag, line, cc = TERMIO.unpack(data)
    high = 0xFFFF0000
    return Termios(
        old.iflag & high | iflag,
        old.oflag & high | oflag,
        old.cflag & high | cflag,
        old.lflag & high | lflag,
        cc + old.cc[8:],
        line,
    )


STANDARD: Final = Termios(
    ICRNL | IXON,
    OPOST | ONLCR,
    B38400 | CS8 | CREAD,
    ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    bytes((3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0)),
)
