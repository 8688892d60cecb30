"""A platform by its name (sandbox/known_platforms.py). None is imported before it is made: start-up time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.known_platforms import PTRACE
from sandbox.platform.base import PlatformError

if TYPE_CHECKING:
    from sandbox.platform.base import Platform
    from sandbox.reactor import Reactor


def make(name: str, reactor: Reactor, look: bool) -> Platform:
    """`look` is for the lane platform. Raises PlatformError and BlockingIOError (no room for one more process)."""
    from sandbox.platform.lane import layout

    if not layout.FITS:
        raise PlatformError("processes end too low in memory for guests: a sandbox can be in a sandbox, but not in two")
    if name == PTRACE:
        try:
            from sandbox.platform.ptrace.platform import PtracePlatform
        except ImportError as error:
            raise PlatformError(
                f"the ptrace platform needs python-ptrace ({error}): pip install python-ptrace"
            ) from None
        return PtracePlatform(reactor)
    from sandbox.platform.lane.platform import LanePlatform

    return LanePlatform(reactor, looking=look)
