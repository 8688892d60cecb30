"""Networks of stacks with faults, in virtual time (tools/netsim): a failing seed says how to run it again."""

from __future__ import annotations

import pytest

from tools.netsim.__main__ import replay_command
from tools.netsim.segments import sums_to_zero, tcp_of
from tools.netsim.witness import Flow, Ranges, Violation
from tools.netsim.world import World

QUICK = range(30)
SLOW = range(1000, 1400)
SOAK = range(100_000, 105_000)


def simulate(seeds: range) -> None:
    """All of them, whatever fails."""
    failures = []
    for seed in seeds:
        try:
            World(seed).run()
        except Exception as error:
            failures.append(f"seed {seed}: {type(error).__name__}: {error}\nagain: {replay_command(seed)}")
    assert not failures, "\n".join(failures)


def test_seeds() -> None:
    simulate(QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(SLOW.start, SLOW.stop, 100))
def test_hundreds_of_seeds(first: int) -> None:
    simulate(range(first, first + 100))


@pytest.mark.soak
@pytest.mark.parametrize("first", range(SOAK.start, SOAK.stop, 500))
def test_thousands_of_seeds(first: int) -> None:
    simulate(range(first, first + 500))


def test_a_seed_is_the_same_each_time() -> None:
    digests = set()
    for _ in range(2):
        world = World(10)
        world.run()
        digests.add((world.digest(), world.frames(), world.describe()))
    assert len(digests) == 1


# The witness sees what it is there for.

A, B = b"\x0a\0\0\1", b"\x0a\0\0\2"


def frame(seq: int, ack: int, flags: int = 16, payload: bytes = b"", window: int = 1000) -> bytes:
    """An Ethernet frame with good checksums, from A to B."""
    tcp = bytearray(20) + payload
    tcp[0:4] = b"\0\x07\0\x08"
    tcp[4:8], tcp[8:12] = seq.to_bytes(4, "big"), ack.to_bytes(4, "big")
    tcp[12:16] = bytes((0x50, flags)) + window.to_bytes(2, "big")
    pseudo = A + B + len(tcp).to_bytes(4, "big") + b"\0\0\0\6"
    tcp[16:18] = checksum(pseudo + bytes(tcp))
    ip = bytearray(b"\x45\0" + (20 + len(tcp)).to_bytes(2, "big") + b"\0\0\0\0\x40\x06\0\0" + A + B)
    ip[10:12] = checksum(bytes(ip))
    return bytes(12) + b"\x08\0" + bytes(ip) + bytes(tcp)


def checksum(data: bytes) -> bytes:
    total = int.from_bytes(data + bytes(len(data) % 2), "big") % 65535
    return (65535 - total).to_bytes(2, "big")


def established() -> Flow:
    """ISS 100, IRS 200, the peer takes 1000 bytes."""
    flow = Flow(100)
    flow.irs = 200
    flow.arrived.add(0, 11)
    flow.peer_edge = 1001
    return flow


@pytest.mark.parametrize(
    ("segments", "problem"),
    [
        ([frame(101, 211, payload=b"text"), frame(105, 211)], ""),
        ([frame(101, 212)], "acknowledges"),
        ([frame(101, 211), frame(101, 210)], "acknowledgement goes back"),
        ([frame(101, 211), frame(101, 211, window=900)], "edge goes back"),
        ([frame(101, 211, payload=b"text"), frame(101, 211, payload=b"next")], "other text"),
        ([frame(1100, 211, payload=b"text")], "takes no more"),
        ([frame(101, 211, payload=bytes(600))], "MSS"),
        ([frame(101, 211, flags=17), frame(105, 211, flags=17)], "another"),
    ],
)
def test_the_witness_objects(segments: list[bytes], problem: str) -> None:
    flow = established()
    heard = []
    for data in segments:
        seg = tcp_of(data)
        assert seg is not None and seg.ok
        heard.append(flow.says(seg))
    assert heard[:-1] == [""] * (len(segments) - 1)
    assert problem in heard[-1] and bool(heard[-1]) == bool(problem)


def test_ranges_merge() -> None:
    ranges = Ranges()
    for left, right in ((5, 7), (1, 2), (2, 5), (9, 12)):
        ranges.add(left, right)
    assert ranges.items == [(1, 7), (9, 12)]
    assert ranges.covers(1, 7) and not ranges.covers(6, 10)


@pytest.mark.interpreted  # a method of a compiled class cannot be replaced
def test_a_stack_that_breaks_a_rule_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from tcpip.transport.tcp.congestion.base import CongestionControl

    monkeypatch.setattr(CongestionControl, "set_mss", lambda self, mss: setattr(self, "cwnd", 1))
    with pytest.raises(Violation, match="cwnd 1 is below one segment"):
        for seed in QUICK:
            World(seed).run()


def test_checksums_are_judged_apart() -> None:
    assert sums_to_zero(b"\x12\x34" + checksum(b"\x12\x34")) and not sums_to_zero(b"\x12\x35\xed\xcb")
