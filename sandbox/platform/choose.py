"""The platforms by name. None is imported before it is made: start-up time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.platform.base import PlatformError

if TYPE_CHECKING:
    from sandbox.platform.base import Platform
    from sandbox.reactor import Reactor

AUTO: Final = "auto"
LANE: Final = "lane"
PTRACE: Final = "ptrace"
NAMES: Final = (AUTO, LANE, PTRACE)


def choose(name: str, notifies: bool) -> str:
    """The platform that `name` stands for on a host with (`notifies`) or without seccomp notification."""
    if name != AUTO:
        return name
    return LANE if notifies else PTRACE


def make(name: str, reactor: Reactor, look: bool) -> Platform:
    """`look` is for the lane platform. Raises PlatformError and BlockingIOError (no room for one more process)."""
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
