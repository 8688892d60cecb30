"""A TCP connection between a hostile peer that knows the sequence numbers and an application that calls at random."""

from __future__ import annotations

from tcpip.addr import SockAddr
from tcpip.errors import NetworkError
from tcpip.header.tcp import ACK, SYN
from tcpip.header.tcp_options import MAX_OPTIONS, TcpOptions, UnknownOption
from tcpip.seqnum import MASK
from tcpip.sockopt import SOL_SOCKET
from tests.unit.tcpip.transport.tcp.peer import HOST, PEER, PEER_PORT, PeerHost

from .cursor import Cursor

MAX_STEPS = 60
MAX_KEPT = 1 << 23
_LEVELS = (SOL_SOCKET, 6, 0, 41)
_TEXT = bytes(range(256)) * 16


class Session:
    """One input: how the connection begins, then steps."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        how = cursor.number()
        self.peer = peer = PeerHost(bool(how & 1), bool(how & 2), 7 if how & 4 else -1, 536 if how & 8 else 1460)
        if how & 0x10:
            peer.connecting()
            syn = peer.sent()[0]
            peer.ack, peer.ts_echo = (syn.seq + 1) & MASK, syn.options.ts_val
            if not how & 0x20:
                peer.send(SYN | ACK, options=peer.syn_options())
                peer.seq += 1
        else:
            peer.established()
        self._buffer = memoryview(bytearray(8192))

    def run(self) -> None:
        """Steps until the input ends, then everybody lets go: after an hour nothing may be left."""
        for _ in range(MAX_STEPS):
            if not self.cursor:
                break
            self._step(self.cursor.number())
            self._look()
        self._end()

    def _step(self, what: int) -> None:
        choice = what & 15
        if choice < 8:
            self._segment(what)
        elif choice == 15:
            self.peer.pass_time(self.cursor.number(2))
        elif choice == 14:
            self.peer.raw(self.cursor.take(self.cursor.number() % 80))
        else:
            try:
                self._call(choice)
            except NetworkError:
                pass

    def _segment(self, what: int) -> None:
        cursor, peer = self.cursor, self.peer
        flags = cursor.number()
        seq, ack = cursor.signed(), cursor.signed()
        options = TcpOptions()
        if what & 0x10:
            base = peer.ack + cursor.signed()
            options.sack = [
                ((base + cursor.signed()) & MASK, (base + cursor.signed()) & MASK) for _ in range(what >> 6 & 1)
            ]
        if what & 0x20:
            room = MAX_OPTIONS - 16 - 4 - 8 * len(options.sack)  # timestamps, and this option's own kind and length
            options.unknown = [UnknownOption(cursor.number(), cursor.take(cursor.number() % (max(room, 0) + 1)))]
        payload = _TEXT[: cursor.number(2) % 3000 if what & 8 else cursor.number()]
        window = cursor.number(2)
        wanted = (peer.seq + seq) & MASK
        peer.send(flags & 0xFF, payload, wanted, (peer.ack + ack) & MASK, window, options, urgent=window & 15)
        if seq == 0 and not flags & 4:
            peer.seq = (peer.seq + len(payload) + (flags & 1)) & MASK
        self._answers()

    def _answers(self) -> None:
        """What the stack sends moves what the peer may acknowledge."""
        for seen in self.peer.sent():
            end = (seen.seq + len(seen.payload) + (seen.flags & 1)) & MASK
            if (end - self.peer.ack) & MASK < 1 << 31:
                self.peer.ack = end
            self.peer.ts_echo = seen.options.ts_val

    def _call(self, choice: int) -> None:
        endpoint, cursor = self.peer.ep, self.cursor
        if choice == 8:
            endpoint.send(_TEXT[: cursor.number(2) % 4096], cursor.number() & 0x81)
        elif choice == 9:
            endpoint.recv_into(self._buffer[: cursor.number(2) % 8192], cursor.number() & 0x23)
        elif choice == 10:
            endpoint.shutdown(cursor.number() % 3)
        elif choice == 11:
            endpoint.close() if cursor.number() & 1 else endpoint.connect(SockAddr(PEER, PEER_PORT))
        elif choice == 12:
            level, name = _LEVELS[cursor.number() % 4], cursor.number()
            value: int | bytes = cursor.number(4) if cursor.number() & 1 else cursor.take(cursor.number() % 20)
            endpoint.set_option(level, name, value)
        else:
            endpoint.get_option(_LEVELS[cursor.number() % 4], cursor.number())
        self._answers()

    def _look(self) -> None:
        peer = self.peer
        peer.ep.readiness()
        kept = peer.ep.so.rcvbuf + peer.ep.so.sndbuf
        assert kept <= MAX_KEPT, kept

    def _end(self) -> None:
        peer = self.peer
        try:
            peer.ep.set_option(SOL_SOCKET, 13, (1).to_bytes(4, "little") + bytes(4))
            peer.ep.shutdown(2)
        except NetworkError:
            pass
        peer.ep.close()
        peer.sent()
        peer.pass_time(4_000_000)
        peer.sent()
        left = peer.stack.tcp.demux.connected
        assert not left, left
        assert HOST in peer.nic.addresses


def connection(data: bytes) -> None:
    """The fuzz target."""
    Session(Cursor(data)).run()
