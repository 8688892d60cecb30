"""JSON as `json` has it, without importing that package: its regular expressions take a third of a small verb's time.

What CPython's `json` hands its work to, `_json`, is used directly. NaN and the infinities, which are not JSON (RFC 8259),
are not read.
"""

from __future__ import annotations

from _json import encode_basestring_ascii, make_encoder, make_scanner
from typing import Callable, Final, NoReturn

_WHITESPACE: Final = " \t\n\r"


def _no_json(value: object) -> NoReturn:
    raise ValueError(f"not JSON: {value!r}")


class _Settings:
    """Of json.JSONDecoder, which the scanner reads from its context."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_no_json)
    memo: dict[str, str] = {}


_scan: Final[Callable[[str, int], tuple[object, int]]] = make_scanner(_Settings())  # type: ignore[arg-type]


def prepare() -> None:
    """For a process that is about to confine itself: the interpreter's scanner imports this when it meets what is not
    JSON, and then it is too late."""
    import json.decoder  # noqa: F401


def loads(text: str) -> object:
    """The value. ValueError, RecursionError."""
    text = text.strip(_WHITESPACE)
    try:
        value, end = _scan(text, 0)
    except (StopIteration, SystemError):  # the latter by versions that look for JSONDecodeError and do not import it
        raise ValueError("not JSON") from None
    if end != len(text):
        raise ValueError(f"not JSON after character {end}")
    return value


def dumps(value: object, separators: tuple[str, str] = (", ", ": ")) -> str:
    """In one line of ASCII. TypeError for what JSON has no form for, ValueError for what contains itself."""
    item, key = separators
    encode = make_encoder({}, _unknown, encode_basestring_ascii, None, key, item, False, False, False)
    return "".join(encode(value, 0))


def _unknown(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__} has no form in JSON")
