"""Asking a stack that runs with `tcpip tap --control PATH` what it has."""

from __future__ import annotations

import json
import socket
from typing import Any

from tcpip.cli.host import CommandError


def ask(path: str) -> dict[str, Any]:
    """The snapshot of a running stack; OSError, CommandError."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(path)
        with control.makefile("rb") as stream:
            try:
                report: dict[str, Any] = json.load(stream)
            except ValueError:
                raise CommandError(f"{path} is no control socket of tcpip") from None
    return report
