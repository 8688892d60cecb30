"""Signals by name or number, as kill(1) takes them."""

from __future__ import annotations

from typing import Final

from runsc.failure import UsageError

LAST: Final = 64


def signal_number(text: str) -> int:
    """`9`, `KILL`, `SIGKILL`, `kill`, `RTMIN+1`, `SIGRTMAX-2`."""
    if text.isascii() and text.isdigit():
        number = int(text) if len(text) < 4 else 0
    else:
        number = _by_name(text.upper().removeprefix("SIG"))
    if not 0 < number <= LAST:
        raise UsageError(f"unknown signal {text!r}")
    return number


def _by_name(name: str) -> int:
    import signal

    for base, sign in (("RTMIN", 1), ("RTMAX", -1)):
        rest = name.removeprefix(base)
        if rest != name:
            first = int(signal.SIGRTMIN if sign == 1 else signal.SIGRTMAX)
            digits = rest[1:]
            if not rest:
                return first
            if rest[0] == ("+" if sign == 1 else "-") and digits.isdigit() and len(digits) < 3:
                return first + sign * int(digits)
            return 0
    number = getattr(signal, f"SIG{name}", 0) if name.isalnum() and name != "_DFL" else 0
    return int(number)
