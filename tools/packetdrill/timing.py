"""Did it happen when the script says? Times are µs since the script began."""

from __future__ import annotations

from tools.packetdrill.errors import Difference
from tools.packetdrill.settings import Settings
from tools.packetdrill.syntax import ABSOLUTE, ANY, NO_CHECK, When


def tolerance(settings: Settings, expected: int, previous: int) -> int:
    """--tolerance_usecs, or --tolerance_percent of the time since the event before (NO_CHECK: there is none)."""
    if previous == NO_CHECK:
        return settings.tolerance_usecs
    return max(settings.tolerance_usecs, int(settings.tolerance_percent / 100 * (expected - previous)))


def verify(settings: Settings, when: When, offset: int, actual: int, previous: int, what: str) -> None:
    """`when` with its times made absolute by `offset`; Difference in packetdrill's words."""
    if when.kind == ANY:
        return
    allowed = tolerance(settings, when.at, previous)
    if when.end != NO_CHECK:
        if when.at - allowed <= actual <= when.end + allowed:
            return
        if when.kind == ABSOLUTE:
            raise Difference(
                f"timing error: expected {what} in time range {_s(when.at)}~{_s(when.end)} sec "
                f"but happened at {_s(actual)} sec",
                "packet",
            )
        raise Difference(
            f"timing error: expected {what} in relative time range +{_s(when.at - offset)}~+{_s(when.end - offset)} sec "
            f"but happened at +{_s(actual - offset)} sec",
            "packet",
        )
    if not when.at - allowed <= actual <= when.at + allowed:
        raise Difference(
            f"timing error: expected {what} at {_s(when.at)} sec but happened at {_s(actual)} sec; "
            f"tolerance {_s(allowed)} sec",
            "packet",
        )


def _s(usecs: int) -> str:
    return f"{usecs / 1e6:.6f}"
