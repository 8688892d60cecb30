"""Where the kernel's log lines go: the descriptor of `--log`, in the same two formats as the launcher's lines."""

from __future__ import annotations

import os
import time
from typing import Callable

from sandbox.kernel.log import LEVEL_NAMES
from sandbox.text import quote, timestamp


def log_sink(fd: int, json: bool) -> Callable[[int, str], None]:
    """A sink for KernelLog that writes one line per entry to `fd`."""

    def write(level: int, text: str) -> None:
        when = timestamp(time.time_ns())
        if json:
            line = f'{{"level":"{LEVEL_NAMES[level]}","msg":{quote(text)},"time":"{when}"}}\n'
        else:
            line = f"time={when} level={LEVEL_NAMES[level]} msg={quote(text)}\n"
        try:
            os.write(fd, line.encode("ascii"))
        except OSError:
            pass  # a log on a full disk must not end the sandbox

    return write
