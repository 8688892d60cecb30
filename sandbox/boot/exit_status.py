"""Exit statuses as a shell shows them."""

from __future__ import annotations

import os


def exit_status(wait_status: int) -> int:
    """The program's own, or 128 + the signal's number."""
    if os.WIFSIGNALED(wait_status):
        return 128 + os.WTERMSIG(wait_status)
    return os.WEXITSTATUS(wait_status)
