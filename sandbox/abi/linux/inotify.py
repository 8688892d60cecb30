"""Flags of inotify_init1(2)."""

from __future__ import annotations

from typing import Final

from sandbox.abi.linux.fcntl import O_CLOEXEC, O_NONBLOCK

IN_CLOEXEC: Final = O_CLOEXEC
IN_NONBLOCK: Final = O_NONBLOCK
