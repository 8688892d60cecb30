"""Command-line flags: declarations and the parser.

`--name=value`, `--name value`, `--switch`, `--switch=false`, all with one dash too, as Go's programs take them, and by
a flag's letter; `--` ends the flags, and so does, before the verb and where a command line follows, the first word that is not one. Written by hand because importing argparse costs a tenth of a sandbox's start.
"""

from __future__ import annotations

from typing import Final, Sequence

from runsc.failure import UsageError

SWITCH: Final = 0  # present or not
TEXT: Final = 1  # the last one wins
LIST: Final = 2  # repeatable
NUMBER: Final = 3  # a non-negative whole number
SIZE: Final = 4  # bytes, with K, M, G, T (powers of 1024)
SECONDS: Final = 5  # a duration: 5, 1.5, 500ms, 30s, 2m, 1h; kept in ns
WORD: Final = 6  # a TEXT that may be empty

_UNITS: Final = {"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_TIMES: Final = (("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000))


class Flag:
    """One flag: `metavar` and `text` are for help; `choices` limits a TEXT flag; `short` is its letter, if any."""

    __slots__ = ("name", "kind", "metavar", "text", "choices", "short")

    def __init__(
        self, name: str, kind: int, metavar: str, text: str, choices: tuple[str, ...] = (), short: str = ""
    ) -> None:
        self.name = name
        self.kind = kind
        self.metavar = metavar
        self.text = text
        self.choices = choices
        self.short = short


class Values:
    """What was given, by flag name."""

    __slots__ = ("_texts", "_lists", "_numbers")

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {}
        self._numbers: dict[str, int] = {}

    def given(self, name: str) -> bool:
        """The flag was on the command line."""
        return name in self._texts or name in self._lists or name in self._numbers

    def switch(self, name: str) -> bool:
        """A SWITCH."""
        return self._numbers.get(name, 0) != 0

    def text(self, name: str, default: str = "") -> str:
        """A TEXT flag, or a WORD."""
        return self._texts.get(name, default)

    def list(self, name: str) -> tuple[str, ...]:
        """A LIST flag, in the order given."""
        return tuple(self._lists.get(name, ()))

    def number(self, name: str) -> int | None:
        """A NUMBER, a SIZE in bytes or SECONDS in ns."""
        return self._numbers.get(name)

    def put(self, flag: Flag, value: str) -> None:
        """Check `value` and keep it."""
        if flag.kind == LIST:
            self._lists.setdefault(flag.name, []).append(value)
        elif flag.kind == TEXT:
            if flag.choices and value not in flag.choices:
                raise UsageError(f"unknown {flag.name} {value!r}; known: {', '.join(flag.choices)}")
            if not value:
                raise UsageError(f"--{flag.name}: the {flag.metavar} is empty")
            self._texts[flag.name] = value
        elif flag.kind == WORD:
            self._texts[flag.name] = value
        else:
            self._numbers[flag.name] = _PARSERS[flag.kind](flag, value)


def parse_switch(flag: Flag, value: str) -> int:
    """`true`, `false` and what else is taken for them."""
    if value in ("true", "1", "yes"):
        return 1
    if value in ("false", "0", "no"):
        return 0
    raise UsageError(f"--{flag.name} is a switch: {value!r} is neither true nor false")


def parse_number(flag: Flag, value: str) -> int:
    """Decimal digits only."""
    if not (value.isascii() and value.isdigit()) or len(value) > 18:
        raise UsageError(f"--{flag.name}: {value!r} is not a whole number")
    return int(value)


def parse_size(flag: Flag, value: str) -> int:
    """`512M` and the like."""
    text = value.upper().removesuffix("IB")
    digits = text.rstrip("BKMGT")
    unit = text[len(digits) :]
    if unit not in _UNITS and unit.endswith("B"):
        unit = unit[:-1]
    whole, point, part = digits.partition(".")
    known = whole.isdigit() and (part.isdigit() or not point) and digits.isascii() and unit in _UNITS
    if not known or len(digits) > 15:
        raise UsageError(f"--{flag.name}: {value!r} is not a size (512M, 2G)")
    scale = _UNITS[unit]
    return int(whole) * scale + int(part or "0") * scale // int("1" + "0" * len(part))


def parse_seconds(flag: Flag, value: str) -> int:
    """A duration in ns; 0 only for one that is 0, which timeout(1) takes for no limit."""
    scale, digits = 1_000_000_000, value
    for suffix, ns in _TIMES:
        if value.endswith(suffix):
            scale, digits = ns, value[: -len(suffix)]
            break
    whole, _, fraction = digits.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 9) or len(fraction) > 9:
        raise UsageError(f"--{flag.name}: {value!r} is not a duration (10, 1.5s, 500ms, 2m)")
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        raise UsageError(f"--{flag.name}: {value!r} is not a duration (10, 1.5s, 500ms, 2m)")
    part = int(fraction or "0")
    return int(whole) * scale + (max(part * scale // 10 ** len(fraction), 1) if part else 0)


_PARSERS: Final = {SWITCH: parse_switch, NUMBER: parse_number, SIZE: parse_size, SECONDS: parse_seconds}


def parse(flags: Sequence[Flag], words: Sequence[str], values: Values, where: str, among: bool = False) -> list[str]:
    """Take the flags at the head of `words` into `values`, and those `among` the others if asked; what is left is returned.

    `where` completes the message about a flag that is not known: "for do", "before the verb".
    """
    at = 0
    others: list[str] = []
    while at < len(words):
        word = words[at]
        if word == "--":
            return [*others, *words[at + 1 :]]
        if not word.startswith("-") or len(word) == 1:
            if not among:
                break
            others.append(word)
            at += 1
            continue
        at += 1
        name, equals, value = word[2 if word.startswith("--") else 1 :].partition("=")
        flag = _find(flags, name)
        if flag is None and others:
            others.append(word)  # `kill ID -1`, as with runc
            continue
        if flag is None:
            raise _unknown(flags, word[: len(word) - len(equals + value)], where)
        if flag.kind == SWITCH:
            values.put(flag, value if equals else "true")
            continue
        if not equals:
            if at == len(words):
                raise UsageError(f"--{flag.name} needs {flag.metavar}")
            value = words[at]
            at += 1
        values.put(flag, value)
    return [*others, *words[at:]]


def _find(flags: Sequence[Flag], name: str) -> Flag | None:
    for flag in flags:
        if flag.name == name or (name and flag.short == name):
            return flag
    return None


def _unknown(flags: Sequence[Flag], word: str, where: str) -> UsageError:
    known = " ".join(f"--{flag.name}" for flag in flags)
    return UsageError(f"unknown flag {word} {where}; known: {known}")
