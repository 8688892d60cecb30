"""Numbers with units, as they are written on command lines."""

from __future__ import annotations

from typing import Final

from tcpip.clock import NS_PER_MS, NS_PER_S, NS_PER_US

TIMES: Final = {"ns": 1, "us": NS_PER_US, "ms": NS_PER_MS, "s": NS_PER_S}
RATES: Final = {"bit": 1, "kbit": 1000, "mbit": 1_000_000, "gbit": 1_000_000_000}
SIZES: Final = {"": 1, "b": 1, "kb": 1024, "mb": 1024 * 1024}
"""tc(8)'s: k and m are binary in sizes, decimal in rates."""


def scaled(value: str, units: dict[str, int]) -> int:
    """`20ms` by its unit, as an int; ValueError."""
    digits = value.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = units.get(value[len(digits) :])
    if unit is None:
        raise ValueError(f"not a quantity: {value!r} (one of {', '.join(filter(None, units))})")
    try:
        number = float(digits)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e12:
        raise ValueError(f"not a quantity: {value!r}")
    return int(number * unit)
