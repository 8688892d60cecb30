"""PipePages: how many page slots the pipes of a sandbox have, and may have."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.errors import SyscallError

DEFAULT_SLOTS: Final = 16
FEW_SLOTS: Final = 2
SOFT_PAGES: Final = 16384
HARD_PAGES: Final = 65536


class PipePages:
    """Page slots of all pipes of a sandbox (fs.pipe-user-pages-soft and -hard, for all users together)."""

    __slots__ = ("count", "soft", "hard")

    def __init__(self) -> None:
        self.count = 0
        self.soft = SOFT_PAGES  # 0, as of `hard`: no such bound but that of the sandbox
        self.hard = 0

    def soft_limit(self) -> int:
        """What is more than few."""
        return min(self.soft or HARD_PAGES, HARD_PAGES)

    def hard_limit(self) -> int:
        """What can't be had."""
        return min(self.hard or HARD_PAGES, HARD_PAGES)

    def take(self) -> int:
        """Slots for a new pipe: few when there are many pipes. ENFILE."""
        slots = DEFAULT_SLOTS if self.count + DEFAULT_SLOTS <= self.soft_limit() else FEW_SLOTS
        if self.count + slots > self.hard_limit():
            raise SyscallError(errno.ENFILE)
        self.count += slots
        return slots
