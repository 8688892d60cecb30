"""The fast path ends in the same state as the general one, for random traffic."""

from __future__ import annotations

from random import Random

import pytest

from tcpip.header.tcp import ACK, PSH
from tcpip.transport.tcp import endpoint
from tcpip.transport.tcp.fast_path import fast_path
from tests.unit.tcpip.transport.tcp.peer import PeerHost


def snapshot(peer: PeerHost) -> dict[str, object]:
    """All that a segment may change."""
    snd, rcv = peer.ep.snd, peer.ep.rcv
    values: dict[str, object] = {}
    for part, skip in (
        (snd, ("ep", "buf", "board", "rack", "rtt", "cc", "rate", "chrono")),
        (rcv, ("ep", "queue", "ofo", "space_of")),
    ):
        for name in part.__slots__:
            if name not in skip:
                values[f"{type(part).__name__}.{name}"] = getattr(part, name)
    algorithms: tuple[object, ...] = (snd.rack, snd.rtt, snd.cc, snd.rate, snd.chrono, rcv.space_of)
    for algorithm in algorithms:
        names: tuple[str, ...] = tuple(getattr(algorithm, "__dict__", ())) or getattr(type(algorithm), "__slots__", ())
        for name in names:
            value = getattr(algorithm, name)
            if isinstance(value, int | float):
                values[f"{type(algorithm).__name__}.{name}"] = value
    values["board"] = [(s.seq, s.end, s.sent, s.state) for s in snd.board.segs]
    values["sums"] = (snd.board.sacked, snd.board.lost, snd.board.retrans)
    values["buffer"] = (snd.buf.start, snd.buf.end)
    values["queue"] = rcv.queue.size
    values["deadlines"] = (peer.ep.timers.xmit.deadline, peer.ep.timers.kind, peer.ep.timers.delack.deadline)
    values["state"] = (peer.ep.state, peer.ep.readiness())
    return values


def play(seed: int, timestamps: bool) -> tuple[list[dict[str, object]], list[bytes]]:
    """Random in-order traffic both ways; what the endpoint looks like after each step, and all it sent."""
    random = Random(seed)
    peer = PeerHost(timestamps=timestamps, scale=4).established()
    peer.ep.snd.rtt.sample(10_000_000, peer.clock.now_ns())
    states = []
    wire: list[bytes] = []
    received = peer.ack
    highest = peer.ack
    for _ in range(120):
        choice = random.random()
        peer.pass_time(random.choice((0, 1, 3)))
        peer.ts += random.randrange(3)
        for seen in peer.sent():
            highest = max(highest, seen.seq + len(seen.payload))
            peer.ts_echo = seen.options.ts_val if timestamps else 0
            wire.append(repr(seen).encode() + seen.payload)
        if choice < 0.3:
            peer.ep.send(random.randbytes(random.randint(1, 6000)))
        elif choice < 0.6:
            received = random.randint(received, highest)
            peer.ack = received
            peer.send(ACK, window=random.randint(1000, 4000))
        elif choice < 0.9:
            size = min(random.choice((1, 100, 1448)), max(peer.ep.rcv.window(), 1))
            peer.ack = received = random.randint(received, highest)
            peer.send(ACK | (PSH if random.random() < 0.5 else 0), random.randbytes(size), window=3000)
            peer.seq += size
        elif peer.ep.rcv.queue.size:
            peer.read(random.randint(1, 20_000))
        states.append(snapshot(peer))
    return states, wire


@pytest.mark.interpreted
@pytest.mark.parametrize("timestamps", (False, True))
@pytest.mark.parametrize("seed", range(12))
def test_same_as_the_slow_path(seed: int, timestamps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0

    def counting(ep: object, pkt: object) -> bool:
        nonlocal taken
        done = fast_path(ep, pkt)  # type: ignore[arg-type]
        taken += done
        return done

    monkeypatch.setattr(endpoint, "fast_path", counting)
    fast = play(seed, timestamps)
    monkeypatch.setattr(endpoint, "fast_path", lambda ep, pkt: False)
    slow = play(seed, timestamps)
    assert taken > 20
    assert fast[1] == slow[1]
    for step, (a, b) in enumerate(zip(fast[0], slow[0], strict=True)):
        assert a == b, step
