"""A scripted peer: it sends the segments that a test says and looks at each one that the stack answers with."""

from __future__ import annotations

from random import Random

from tcpip import errors
from tcpip.addr import AF_INET, SockAddr
from tcpip.checksum import checksum, finish, partial_sum, pseudo_sum
from tcpip.clock import NS_PER_MS, NS_PER_S, ManualClock
from tcpip.errors import NetworkError
from tcpip.header.ipv4 import Ipv4Header
from tcpip.header.tcp import ACK, FIN, PSH, SYN, TcpHeader, flag_names
from tcpip.header.tcp_options import TcpOptions
from tcpip.link.base import CAP_NO_ARP
from tcpip.link.channel import ChannelLink
from tcpip.seqnum import MASK
from tcpip.sockopt import SOCK_STREAM
from tcpip.stack.stack import Stack
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.endpoint import TcpEndpoint

HOST = b"\x0a\x00\x00\x01"
PEER = b"\x0a\x00\x00\x02"
HOST_PORT = 80
PEER_PORT = 40000
PEER_ISS = 5_000
PEER_WINDOW = 60_000


class Seen:
    """One segment that the stack has sent."""

    def __init__(self, packet: bytes) -> None:
        begin = (packet[0] & 15) * 4  # behind IP's options
        self.header = TcpHeader.parse(packet, begin)
        self.seq = self.header.seq
        self.ack = self.header.ack
        self.flags = self.header.flags
        self.window = self.header.window
        self.options = TcpOptions.parse(self.header.options)
        self.payload = packet[begin + self.header.wire_len() :]
        total = pseudo_sum(packet[12:16], packet[16:20], 6, len(packet) - begin) + partial_sum(packet[begin:])
        assert total % 0xFFFF == 0

    def __repr__(self) -> str:
        return f"<{flag_names(self.flags)} seq={self.seq} ack={self.ack} len={len(self.payload)} win={self.window}>"


class PeerHost:
    """The stack under test at 10.0.0.1, the script at 10.0.0.2; one connection, `ep`, once there is one."""

    def __init__(self, timestamps: bool = False, sack: bool = True, scale: int = -1, mss: int = 1460) -> None:
        self.clock = ManualClock(1000 * NS_PER_S)
        self.stack = Stack(self.clock, Random(1), ipv6=False)
        self.link = ChannelLink(1500, b"", CAP_NO_ARP)
        self.nic = self.stack.add_nic(self.link, "eth0")
        self.nic.add_address(HOST, 24)
        self.timestamps = timestamps
        self.sack = sack
        self.scale = scale
        self.mss = mss
        self.seq = PEER_ISS
        self.ack = 0
        self.host_port = HOST_PORT
        self.ts = 1000
        self.ts_echo = 0
        self.held: list[bytes] | None = None  # [] holds what the script sends, for `release`
        self.listener: TcpEndpoint | None = None
        self._ep: TcpEndpoint | None = None

    @property
    def ep(self) -> TcpEndpoint:
        assert self._ep is not None
        return self._ep

    # The wire.

    def send(
        self,
        flags: int = ACK,
        payload: bytes = b"",
        seq: int = -1,
        ack: int = -1,
        window: int = PEER_WINDOW,
        options: TcpOptions | None = None,
        urgent: int = 0,
        src_port: int = PEER_PORT,
        corrupt: bool = False,
    ) -> None:
        """A segment arrives at the stack; `seq` and `ack` default to where the script is."""
        options = options or TcpOptions()
        if self.timestamps and not options.timestamp:
            options.timestamp, options.ts_val, options.ts_ecr = True, self.ts, self.ts_echo
        header = TcpHeader(
            src_port,
            self.host_port,
            (self.seq if seq < 0 else seq) & MASK,
            ((self.ack if ack < 0 else ack) if flags & ACK else 0) & MASK,
            flags,
            window,
            options.emit(),
            urgent,
        )
        segment = bytearray(header.wire_len())
        header.emit(segment, 0)
        segment += payload
        total = partial_sum(segment) + pseudo_sum(PEER, HOST, 6, len(segment))
        segment[16:18] = (finish(total) ^ (1 if corrupt else 0)).to_bytes(2, "big")
        self.raw(bytes(segment))

    def raw(self, segment: bytes) -> None:
        """Whatever bytes as a TCP segment in a good IP packet."""
        ip = Ipv4Header(src=PEER, dst=HOST, protocol=6, total_len=20 + len(segment))
        head = bytearray(20)
        ip.emit(head, 0)
        head[10:12] = b"\0\0"
        head[10:12] = checksum(head).to_bytes(2, "big")
        if self.held is None:
            self.link.inject(bytes(head) + segment)
        else:
            self.held.append(bytes(head) + segment)

    def release(self) -> None:
        """What was held arrives as one batch."""
        held, self.held = self.held or [], None
        self.link.inject(*held)

    def sent(self) -> list[Seen]:
        """What the stack has sent since the last time."""
        self.stack.flush()
        return [Seen(frame) for frame in self.link.take() if frame[9] == 6]

    def expect(
        self, flags: int = -1, seq: int = -1, ack: int = -1, payload: bytes | None = None, window: int = -1
    ) -> Seen:
        """Exactly one segment, with these fields."""
        seen = self.sent()
        assert len(seen) == 1, seen
        self.check(seen[0], flags, seq, ack, payload, window)
        return seen[0]

    @staticmethod
    def check(
        one: Seen, flags: int = -1, seq: int = -1, ack: int = -1, payload: bytes | None = None, window: int = -1
    ) -> None:
        assert flags < 0 or one.flags & ~PSH == flags, one
        assert seq < 0 or one.seq == seq & MASK, one
        assert ack < 0 or one.ack == ack & MASK, one
        assert payload is None or one.payload == payload, one
        assert window < 0 or one.window == window, one

    def expect_nothing(self) -> None:
        """Silence."""
        assert self.sent() == []

    def expect_state(self, state: int) -> None:
        assert st.NAMES[self.ep.state] == st.NAMES[state]

    def pass_time(self, ms: float) -> None:
        """Let the clock run, firing each timer at its time."""
        end = self.clock.now_ns() + int(ms * NS_PER_MS)
        while True:
            deadline = self.stack.next_deadline()
            if deadline is None or deadline > end:
                break
            self.clock.advance(max(deadline - self.clock.now_ns(), 0))
            self.stack.run_timers()
        self.clock.advance(end - self.clock.now_ns())

    # Builders: one per state.

    def new_endpoint(self) -> TcpEndpoint:
        endpoint = self.stack.new_endpoint(AF_INET, SOCK_STREAM)
        assert isinstance(endpoint, TcpEndpoint)
        return endpoint

    def syn_options(self) -> TcpOptions:
        options = TcpOptions()
        options.mss = self.mss
        options.sack_permitted = self.sack
        options.window_scale = self.scale
        return options

    def listening(self, backlog: int = 4) -> PeerHost:
        self.listener = self.new_endpoint()
        self.listener.bind(SockAddr(HOST, HOST_PORT))
        self.listener.listen(backlog)
        return self

    def connecting(self) -> PeerHost:
        """SYN_SENT; the SYN is still to be looked at."""
        self._ep = self.new_endpoint()
        try:
            self._ep.connect(SockAddr(PEER, PEER_PORT))
        except NetworkError as started:
            assert started.error is errors.CONNECT_STARTED
        self.host_port = self._ep.local_port
        return self

    def syn_received(self) -> PeerHost:
        """Simultaneous open, half way."""
        syn = self.connecting().expect(flags=SYN)
        self.ack = syn.seq + 1
        self.ts_echo = syn.options.ts_val
        self.send(SYN, options=self.syn_options())
        self.seq += 1
        self.expect(flags=SYN | ACK, seq=syn.seq, ack=self.seq)
        return self

    def established(self, round_trip_ms: float = 0) -> PeerHost:
        """Passive open, accepted."""
        self.listening()
        self.send(SYN, options=self.syn_options())
        reply = self.expect(flags=SYN | ACK, ack=PEER_ISS + 1)
        self.pass_time(round_trip_ms)
        self.seq, self.ack = PEER_ISS + 1, (reply.seq + 1) & MASK
        self.ts_echo = reply.options.ts_val
        self.send(ACK)
        assert self.listener is not None
        self._ep = self.listener.accept()
        self.listener.close()
        self.expect_nothing()
        self.expect_state(st.ESTABLISHED)
        return self

    def fin_wait_1(self) -> PeerHost:
        self.established().ep.shutdown(1)
        self.expect(flags=FIN | ACK, seq=self.ack)
        self.expect_state(st.FIN_WAIT_1)
        return self

    def fin_wait_2(self) -> PeerHost:
        self.fin_wait_1()
        self.ack += 1
        self.send(ACK)
        self.expect_state(st.FIN_WAIT_2)
        return self

    def closing(self) -> PeerHost:
        self.fin_wait_1()
        self.send(FIN | ACK)
        self.seq += 1
        self.ack += 1
        self.expect(flags=ACK, ack=self.seq)
        self.expect_state(st.CLOSING)
        return self

    def time_wait(self) -> PeerHost:
        self.fin_wait_2()
        self.send(FIN | ACK)
        self.seq += 1
        self.expect(flags=ACK, ack=self.seq)
        return self

    def close_wait(self) -> PeerHost:
        self.established()
        self.send(FIN | ACK)
        self.seq += 1
        self.expect(flags=ACK, ack=self.seq)
        self.expect_state(st.CLOSE_WAIT)
        return self

    def last_ack(self) -> PeerHost:
        self.close_wait().ep.close()
        self.expect(flags=FIN | ACK, seq=self.ack)
        self.expect_state(st.LAST_ACK)
        return self

    # The application.

    def read(self, size: int = 1 << 20) -> bytes:
        """One read; b"" at the end, AssertionError when it would block."""
        buffer = bytearray(size)
        taken = self.ep.recv_into(memoryview(buffer))
        assert taken >= 0
        return bytes(buffer[:taken])
