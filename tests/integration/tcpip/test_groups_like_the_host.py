"""Reports of IGMPv3 and MLDv2: a stack of ours and the host's kernel do the same, and what leaves is the same record by record."""

from __future__ import annotations

import json
import sys
from random import Random

from tcpip.addr import parse
from tcpip.clock import ManualClock
from tcpip.link.channel import ChannelLink
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import Endpoint

from . import group_scenarios as scenarios
from .conftest import Namespace

GROUPS = {parse(g) for g in (scenarios.G, scenarios.H, scenarios.G6)}
Records = list[tuple[int, str, list[str]]]


class OurSocket:
    """setsockopt and close of an endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def setsockopt(self, level: int, name: int, value: bytes, /) -> None:
        self.endpoint.set_option(level, name, value)

    def close(self) -> None:
        self.endpoint.close()


class Ours:
    """A stack on a clock that is moved by hand."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.clock = ManualClock(1_000_000_000)
        self.stack = Stack(self.clock, Random(number))
        self.link = ChannelLink()
        nic = self.stack.add_nic(self.link, "tap")
        nic.add_address(parse(f"10.9.{number}.2"), 24)
        nic.add_link_local(dad=False)
        self.index = nic.number
        self.drain(5)

    def socket(self, family: int) -> OurSocket:
        return OurSocket(self.stack.udp.new_endpoint(family))

    def inject(self, frame: bytes) -> None:
        self.link.inject(frame)

    def drain(self, seconds: float) -> list[bytes]:
        end = self.clock.now_ns() + int(seconds * 1e9)
        while (deadline := self.stack.next_deadline()) is not None and deadline <= end:
            self.clock.advance(max(deadline - self.clock.now_ns(), 0))
            self.stack.run_timers()
        self.clock.advance(end - self.clock.now_ns())
        self.stack.run_timers()
        self.stack.flush()
        return self.link.take()


def records(frame: bytes) -> Records:
    """Of a report, about the groups of the scenarios; of IPv4 its header, too."""
    if frame[12:14] == b"\x08\0" and frame[23] == 2 and frame[38] == 0x22:
        width, count, at = 4, int.from_bytes(frame[44:46], "big"), 46
    elif frame[12:14] == b"\x86\xdd" and frame[20] == 0 and frame[62] == 143:
        width, count, at = 16, int.from_bytes(frame[68:70], "big"), 70
    else:
        return []
    found: Records = [(0, frame[14:38].hex(), [])] if width == 4 else []
    for _ in range(count):
        size = int.from_bytes(frame[at + 2 : at + 4], "big")
        group = frame[at + 4 : at + 4 + width]
        first = at + 4 + width
        at = first + size * width
        if group in GROUPS:
            found.append(
                (frame[first - 4 - width], group.hex(), [frame[n : n + width].hex() for n in range(first, at, width)])
            )
    return found


def told(frames: list[bytes]) -> list[Records]:
    """By each report that says anything about them."""
    return [said for said in map(records, frames) if said]


def test_reports_are_the_kernels(ns: Namespace) -> None:
    children = {}
    for number, name in enumerate(scenarios.SCENARIOS):
        tap = f"tap{number}"
        ns.run("ip", "tuntap", "add", tap, "mode", "tap")
        ns.run("ip", "addr", "add", f"10.9.{number}.2/24", "dev", tap)
        ns.run("sysctl", "-qw", f"net.ipv6.conf.{tap}.accept_dad=0", f"net.ipv6.conf.{tap}.router_solicitations=0")
        ns.run("ip", "link", "set", tap, "up")
        children[name] = ns.start(sys.executable, "-m", "tests.integration.tcpip.group_scenarios", name, str(number))
    for number, name in enumerate(scenarios.SCENARIOS):
        theirs = children[name].communicate(timeout=120)[0]
        assert children[name].returncode == 0, theirs
        expected = [
            (step, told([bytes.fromhex(frame) for frame in frames]))
            for step, frames in map(json.loads, theirs.splitlines())
        ]
        assert [(step, told(frames)) for step, frames in scenarios.run(name, Ours(number))] == expected
        assert sum(len(said) for _, said in expected) >= len(expected)
