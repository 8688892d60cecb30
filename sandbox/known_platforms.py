"""The platforms by name, for who imports none of them."""

from __future__ import annotations

from typing import Final

AUTO: Final = "auto"
LANE: Final = "lane"
PTRACE: Final = "ptrace"
NAMES: Final = (AUTO, LANE, PTRACE)


def choose(name: str, notifies: bool) -> str:
    """The platform that `name` stands for on a host with (`notifies`) or without seccomp notification."""
    if name != AUTO:
        return name
    return LANE if notifies else PTRACE
