"""HostUse: what the host counts of a guest's host process besides its processor time (getrusage(2), proc(5))."""

from __future__ import annotations


class HostUse:
    """`system_ns`: processor time in the host's kernel: faults, and calls let through. `minor`, `major`: page faults.
    `preempted`: how often it had to leave a processor to others."""

    __slots__ = ("system_ns", "minor", "major", "preempted")

    def __init__(self, system_ns: int = 0, minor: int = 0, major: int = 0, preempted: int = 0) -> None:
        self.system_ns = system_ns
        self.minor = minor
        self.major = major
        self.preempted = preempted
