"""Modules that a sentry imports when it is confined: the handlers of a call that nobody has made yet, say.

Where they are files they stay in its root (own_root.py). The one-file executable has them in itself: its loader keeps the
file open, and reads what is left of them into memory before the sentry gives up what it can still reach.
"""

from __future__ import annotations

import sys
from typing import Final, Protocol

PACKAGE: Final = "sandbox"


class HoldingLoader(Protocol):
    """A loader that can do without its file (tools/executable_main.py)."""

    def descriptors(self) -> set[int]:
        """What must stay open until `hold`."""

    def hold(self) -> None:
        """Read what has not been imported, and close the file. ImportError."""


def _loader() -> HoldingLoader | None:
    loader = sys.modules[PACKAGE].__loader__
    found: HoldingLoader | None = loader if hasattr(loader, "hold") else None  # type: ignore[assignment]
    return found


def descriptors() -> set[int]:
    """What must stay open until `hold`."""
    loader = _loader()
    return loader.descriptors() if loader is not None else set()


def hold() -> None:
    """The last moment at which files of the host can be read. StartFailure."""
    loader = _loader()
    if loader is None:
        return
    try:
        loader.hold()
    except ImportError as error:
        from sandbox.boot.start_failure import StartFailure

        raise StartFailure(str(error)) from None
