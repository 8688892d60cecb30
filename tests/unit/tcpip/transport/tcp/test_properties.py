"""Data structures against plain oracles; parsers against arbitrary bytes."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as hs

from tcpip import seqnum
from tcpip.buffer import RxPacket
from tcpip.errors import Malformed
from tcpip.header.tcp import TcpHeader
from tcpip.header.tcp_options import TcpOptions
from tcpip.transport.tcp.assembler import PIECE_OVERHEAD, Assembler
from tcpip.transport.tcp.receive_queue import ReceiveQueue
from tcpip.transport.tcp.sack import LOST, RETRANS, SACKED, Delivered, Scoreboard, SentSegment
from tcpip.transport.tcp.segment import Segment
from tcpip.transport.tcp.send_buffer import SendBuffer
from tests.unit.attributes import attributes
from tests.unit.tcpip.transport.tcp.peer import PeerHost

STREAM = bytes((i * 7 + i // 256) & 255 for i in range(600))


@given(hs.lists(hs.tuples(hs.integers(0, 500), hs.integers(1, 99)), max_size=40), hs.integers(0, 600))
def test_assembler_is_a_bytearray_with_holes(pieces: list[tuple[int, int]], start: int) -> None:
    assembler = Assembler()
    have = [False] * 700
    for seq, size in pieces:
        seen = [i for i in range(seq, min(seq + size, 600)) if have[i]]
        overlap = assembler.insert(seq, STREAM[seq : seq + size], 1 << 20)
        assert (overlap[0] if overlap else None) == (seen[0] if seen else None)
        for i in range(seq, min(seq + size, 600)):
            have[i] = True
    ranges = assembler.ranges()
    assert [any(a <= i < b for a, b in ranges) for i in range(700)] == have
    assert all(a[1] < b[0] for a, b in zip(ranges, ranges[1:], strict=False))
    assert assembler.size == sum(have)
    blocks = assembler.blocks(4)
    assert len(blocks) == min(len(ranges), 4)
    assert set(blocks) <= set(ranges)
    popped = b"".join(assembler.pop(start))
    end = start
    while end < 700 and have[end]:
        end += 1
    assert popped == STREAM[start:end]
    assert assembler.charge >= assembler.size
    assert all(a > start for a, _ in assembler.ranges())


@given(hs.lists(hs.tuples(hs.integers(0, 500), hs.integers(1, 50)), max_size=60))
def test_assembler_keeps_to_its_limit(pieces: list[tuple[int, int]]) -> None:
    assembler = Assembler()
    for seq, size in pieces:
        with contextlib.suppress(MemoryError):
            assembler.insert(seq, STREAM[seq : seq + size], 2000)
        assert assembler.charge <= 2000
        assert len(assembler) * PIECE_OVERHEAD <= assembler.charge
    while len(assembler):
        assembler.drop_last()
    assert (assembler.charge, assembler.size) == (0, 0)


@given(hs.lists(hs.tuples(hs.sampled_from("wrf"), hs.integers(1, 40_000)), max_size=30))
def test_send_buffer_is_a_bytearray(steps: list[tuple[str, int]]) -> None:
    buffer = SendBuffer(1000)
    oracle = bytearray()
    base = 1000
    for what, number in steps:
        if what == "w":
            data = bytes((number + i) & 255 for i in range(number % 20_000 + 1))
            buffer.append(data)
            oracle += data
        elif what == "r" and oracle:
            at = number % len(oracle)
            size = min(number % 5000 + 1, len(oracle) - at)
            assert b"".join(buffer.slices(base + at, size)) == oracle[at : at + size]
        elif what == "f":
            count = number % (len(oracle) + 1)
            buffer.free(base + count)
            base += count
            del oracle[:count]
        assert (buffer.start, buffer.end, len(buffer)) == (base, base + len(oracle), len(oracle))


@given(hs.lists(hs.tuples(hs.sampled_from("arpd"), hs.integers(1, 3000)), max_size=40))
def test_receive_queue_is_a_bytearray(steps: list[tuple[str, int]]) -> None:
    queue = ReceiveQueue()
    oracle = bytearray()
    for what, number in steps:
        if what == "a":
            data = bytes((number + i) & 255 for i in range(number))
            queue.append(memoryview(data))
            oracle += data
        elif what == "d":
            assert queue.discard(number) == min(number, len(oracle))
            del oracle[:number]
        else:
            out = bytearray(number)
            taken = queue.read_into(memoryview(out), what == "p")
            assert out[:taken] == oracle[:number]
            if what == "r":
                del oracle[:number]
        assert queue.size == len(oracle)


@given(
    hs.lists(
        hs.tuples(hs.sampled_from("asmlr"), hs.integers(0, 60), hs.integers(1, 20)),
        max_size=40,
    )
)
def test_scoreboard_sums_are_what_its_records_say(steps: list[tuple[str, int, int]]) -> None:
    mss = 10
    board = Scoreboard()
    for index in range(12):
        board.segs.append(SentSegment(index * 50, index * 50 + 50, index, False))
    una = 0
    for what, at, size in steps:
        if what == "a":
            una = min(una + at, 600)
            board.ack_to(una, Delivered())
        elif what == "s":
            board.mark_sacked(una + at * 10, una + (at + size) * 10, mss, Delivered())
        elif board.segs:
            seg = board.segs[at % len(board.segs)]
            if what == "m" and not seg.state & SACKED:
                board.mark_lost(seg)
            elif what == "r" and not seg.state & SACKED:
                board.mark_retransmitted(seg, at)
            elif what == "l":
                board.mark_all_lost()
        for bit, total in ((SACKED, board.sacked), (LOST, board.lost), (RETRANS, board.retrans)):
            assert total == sum(s.end - s.seq for s in board.segs if s.state & bit)
        edges = [s.seq for s in board.segs] + [600]
        assert all(s.end == edge for s, edge in zip(board.segs, edges[1:], strict=True))
        assert not board.segs or board.segs[0].seq == una


@given(hs.binary(max_size=80))
def test_header_parse_raises_nothing_else(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        header = TcpHeader.parse(data)
        out = bytearray(header.wire_len())
        header.emit(out, 0)
        assert TcpHeader.parse(bytes(out)).flags == header.flags
    with contextlib.suppress(Malformed):
        Segment(RxPacket(data), 0)


@given(hs.binary(max_size=40))
def test_options_parse_never_raises(data: bytes) -> None:
    TcpOptions.parse(data)


@given(hs.integers(-1, 65535), hs.integers(-1, 14), hs.booleans(), hs.booleans(), hs.integers(0, 2**32 - 1), hs.data())
def test_options_survive_the_wire(
    mss: int, scale: int, sack_ok: bool, stamped: bool, value: int, data: hs.DataObject
) -> None:
    options = TcpOptions()
    options.mss, options.window_scale, options.sack_permitted, options.timestamp = mss, scale, sack_ok, stamped
    if stamped:
        options.ts_val = options.ts_ecr = value
    number = hs.integers(0, 2**32 - 1)
    options.sack = data.draw(hs.lists(hs.tuples(number, number), max_size=1))
    packed = options.emit()
    assert len(packed) % 4 == 0
    again = TcpOptions.parse(packed)
    for name in attributes(TcpOptions):
        assert getattr(again, name) == getattr(options, name)


def test_options_stop_at_a_bad_length() -> None:
    for bad in (b"\x02\x00", b"\x02\x01", b"\x02", b"\x08\x0a\x00", b"\x05\xff\x00\x00"):
        options = TcpOptions.parse(b"\x01\x04\x02" + bad)
        assert options.sack_permitted
        assert options.mss == -1


@given(hs.integers(0, 2**40), hs.integers(-(2**31), 2**31 - 1))
def test_unwrap_finds_the_nearest(near: int, distance: int) -> None:
    assert seqnum.unwrap((near + distance) & seqnum.MASK, near) == near + distance


@settings(max_examples=300)
@given(
    hs.lists(
        hs.tuples(
            hs.integers(0, 0x1FF),
            hs.integers(-70_000, 70_000),
            hs.integers(-70_000, 70_000),
            hs.integers(0, 65535),
            hs.binary(max_size=40),
            hs.binary(max_size=40).map(lambda b: b + bytes(-len(b) % 4)),
        ),
        max_size=12,
    ),
    hs.sampled_from(("established", "fin_wait_1", "close_wait", "last_ack", "closing", "syn_received", "listening")),
)
def test_no_segment_breaks_the_state_machine(
    segments: list[tuple[int, int, int, int, bytes, bytes]], builder: str
) -> None:
    peer = PeerHost()
    getattr(peer, builder)()
    if builder == "established":
        peer.ep.send(b"e" * 5000)
    for flags, seq, ack, window, payload, option_bytes in segments:
        header = TcpHeader(
            40000, peer.host_port, (peer.seq + seq) & seqnum.MASK, (peer.ack + ack) & seqnum.MASK, flags, window
        )
        header.options = option_bytes[:40]
        segment = bytearray(header.wire_len())
        header.emit(segment, 0)
        from tcpip.checksum import finish, partial_sum, pseudo_sum
        from tests.unit.tcpip.transport.tcp.peer import HOST, PEER

        segment += payload
        segment[16:18] = finish(partial_sum(segment) + pseudo_sum(PEER, HOST, 6, len(segment))).to_bytes(2, "big")
        peer.raw(bytes(segment))
        peer.pass_time(30)
        peer.stack.flush()
    peer.pass_time(2_000_000)
