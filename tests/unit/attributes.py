"""The attributes that a class declares."""

from __future__ import annotations


def attributes(cls: type) -> tuple[str, ...]:
    """Its `__slots__`, which a compiled class (mypyc) has under another name."""
    names: tuple[str, ...] = getattr(cls, "__slots__", None) or getattr(cls, "__mypyc_attrs__", ())
    return names
