"""Exit statuses as a shell shows them, and the file below ROOT/ID that a container's sandbox leaves its wait status in."""

from __future__ import annotations

import os
from typing import Final

STATUS_NAME: Final = "exit-status"
OOM_LINE: Final = b"oom\n"  # below the number: some process was killed since there was too little memory


def exit_status(wait_status: int) -> int:
    """The program's own, or 128 + the signal's number."""
    if os.WIFSIGNALED(wait_status):
        return 128 + os.WTERMSIG(wait_status)
    return os.WEXITSTATUS(wait_status)
