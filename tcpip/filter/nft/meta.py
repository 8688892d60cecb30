"""What is known of a packet beside its bytes, and of its connection.

Source: net/netfilter/nft_meta.c, nft_ct.c, include/uapi/linux/netfilter/nf_conntrack_common.h.
Deviates: priorities, classes, groups of interfaces, security marks and zones are 0 and cannot be set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.clock import NS_PER_MS, NS_PER_S
from tcpip.filter import packet
from tcpip.filter.flow_tuple import ORIGINAL, REPLY
from tcpip.filter.nft.machine import BREAK, FAMILY_IPV4, FAMILY_IPV6, Evaluation, Expression

if TYPE_CHECKING:
    from tcpip.filter.connection import Connection
    from tcpip.stack.nic import Nic

LEN, PROTOCOL, PRIORITY, MARK, IIF, OIF, IIFNAME, OIFNAME, IIFTYPE, OIFTYPE, SKUID, SKGID, NFTRACE = range(13)
NFPROTO: Final = 15
L4PROTO: Final = 16
PKTTYPE: Final = 19
CPU: Final = 20
IIFGROUP: Final = 21
OIFGROUP: Final = 22
RANDOM: Final = 24
TIME_NS: Final = 30
TIME_DAY: Final = 31
TIME_HOUR: Final = 32

SIZES: Final = {
    LEN: 4,
    PROTOCOL: 2,
    PRIORITY: 4,
    MARK: 4,
    IIF: 4,
    OIF: 4,
    IIFNAME: 16,
    OIFNAME: 16,
    IIFTYPE: 2,
    OIFTYPE: 2,
    SKUID: 4,
    SKGID: 4,
    NFPROTO: 1,
    L4PROTO: 1,
    PKTTYPE: 1,
    CPU: 4,
    IIFGROUP: 4,
    OIFGROUP: 4,
    RANDOM: 4,
    TIME_NS: 8,
    TIME_DAY: 1,
    TIME_HOUR: 4,
}
"""Bytes of what can be loaded."""
_ARPHRD: Final = {True: 772, False: 1}
_DAY_S: Final = 86400


def _u32(value: int) -> bytes:
    return (value & 0xFFFFFFFF).to_bytes(4, "little")


class MetaLoad(Expression):
    """One of LEN … TIME_HOUR into a register; BREAK where the packet has none."""

    def __init__(self, at: int, key: int) -> None:
        super().__init__("meta")
        self.at = at
        self.key = key

    def evaluate(self, e: Evaluation) -> None:
        value = self._value(e)
        if value:
            e.store(self.at, value)
        else:
            e.code = BREAK

    def _value(self, e: Evaluation) -> bytes:
        key, pkt = self.key, e.pkt
        if key == L4PROTO:
            return bytes((pkt.protocol,))
        if key in (IIF, IIFNAME, IIFTYPE, IIFGROUP):
            return _of_nic(pkt.in_nic, key - IIF if key != IIFGROUP else 6)
        if key in (OIF, OIFNAME, OIFTYPE, OIFGROUP):
            return _of_nic(pkt.out_nic, key - OIF if key != OIFGROUP else 6)
        if key == MARK:
            return _u32(pkt.mark)
        if key == NFPROTO:
            return bytes((FAMILY_IPV4 if pkt.four else FAMILY_IPV6,))
        if key == PROTOCOL:
            return b"\x08\x00" if pkt.four else b"\x86\xdd"
        if key == LEN:
            return _u32(pkt.length)
        if key == SKUID:
            return _u32(pkt.socket.owner) if pkt.socket is not None else b""
        if key == SKGID:
            return _u32(pkt.socket.owner_group) if pkt.socket is not None else b""
        if key == PKTTYPE:
            return bytes((packet_type(pkt),))
        if key == RANDOM:
            return _u32(e.owner.stack.random.getrandbits(32))
        if key in (TIME_NS, TIME_DAY, TIME_HOUR):
            return _time(key, e.owner.stack.clock.realtime_ns())
        return bytes(SIZES[key])


def _of_nic(nic: Nic | None, what: int) -> bytes:
    """0: the index, 2: the name, 4: the hardware type, 6: the group."""
    if what == 2:
        return (nic.name.encode("latin-1", "replace") if nic is not None else b"")[:15].ljust(16, b"\0")
    if what == 0:
        return _u32(nic.number if nic is not None else 0)
    if nic is None:
        return b""
    return _ARPHRD[nic.loopback].to_bytes(2, "little") if what == 4 else _u32(0)


def packet_type(pkt: packet.FilteredPacket) -> int:
    """PACKET_HOST, PACKET_BROADCAST or PACKET_MULTICAST; of a packet of our own what its address says."""
    if pkt.rx is not None:
        return 0 if pkt.rx.nic is not None and pkt.rx.nic.loopback else pkt.rx.kind
    return 0


def _time(key: int, now: int) -> bytes:
    if key == TIME_NS:
        return now.to_bytes(8, "little")
    seconds = now // NS_PER_S
    if key == TIME_DAY:
        return bytes(((seconds // _DAY_S + 4) % 7,))
    return _u32(seconds % _DAY_S)


class MetaStore(Expression):
    """A register into the packet's mark, or whether it is traced."""

    def __init__(self, source: int, key: int) -> None:
        super().__init__("meta")
        self.source = source
        self.key = key

    def evaluate(self, e: Evaluation) -> None:
        if self.key == NFTRACE:
            e.pkt.traced = e.registers[self.source] != 0
        else:
            e.pkt.mark = int.from_bytes(e.registers[self.source : self.source + 4], "little")


STATE, DIRECTION, STATUS, CT_MARK, SECMARK, EXPIRATION, HELPER, L3PROTOCOL, SRC, DST, CT_PROTOCOL = range(11)
PROTO_SRC: Final = 11
PROTO_DST: Final = 12
PKTS: Final = 14
CT_BYTES: Final = 15
AVGPKT: Final = 16
ZONE: Final = 17
SRC_IP: Final = 19
DST_IP: Final = 20
SRC_IP6: Final = 21
DST_IP6: Final = 22
CT_ID: Final = 23
CT_SIZES: Final = {
    STATE: 4,
    DIRECTION: 1,
    STATUS: 4,
    CT_MARK: 4,
    EXPIRATION: 4,
    L3PROTOCOL: 1,
    CT_PROTOCOL: 1,
    PROTO_SRC: 2,
    PROTO_DST: 2,
    PKTS: 8,
    CT_BYTES: 8,
    AVGPKT: 8,
    ZONE: 2,
    SRC_IP: 4,
    DST_IP: 4,
    SRC_IP6: 16,
    DST_IP6: 16,
    CT_ID: 4,
}
"""Bytes of what can be loaded; of SRC and DST as the family has it."""
NEEDS_DIRECTION: Final = frozenset((SRC, DST, PROTO_SRC, PROTO_DST, SRC_IP, DST_IP, SRC_IP6, DST_IP6))
COUNTED: Final = frozenset((PKTS, CT_BYTES, AVGPKT))
BOTH: Final = -1

STATES: Final = {
    packet.INVALID: 1,
    packet.ESTABLISHED: 2,
    packet.RELATED: 4,
    packet.NEW: 8,
    packet.UNTRACKED: 64,
}
SEEN_REPLY: Final = 2
ASSURED: Final = 4
CONFIRMED: Final = 8
SRC_NAT: Final = 16
DST_NAT: Final = 32
SRC_NAT_DONE: Final = 128
DST_NAT_DONE: Final = 256


def status_of(conn: Connection) -> int:
    """IPS_* (enum ip_conntrack_status)."""
    return (
        SEEN_REPLY * conn.seen_reply
        | ASSURED * conn.assured
        | CONFIRMED * conn.confirmed
        | SRC_NAT * bool(conn.translated & packet.SRC)
        | DST_NAT * bool(conn.translated & packet.DST)
        | SRC_NAT_DONE * bool(conn.decided & packet.SRC)
        | DST_NAT_DONE * bool(conn.decided & packet.DST)
    )


class CtLoad(Expression):
    """One of STATE … CT_ID of the packet's connection into a register; `direction` is ORIGINAL, REPLY or BOTH."""

    def __init__(self, at: int, key: int, direction: int) -> None:
        super().__init__("ct")
        self.at = at
        self.key = key
        self.direction = direction

    def evaluate(self, e: Evaluation) -> None:
        if self.key == STATE:
            e.store(self.at, _u32(STATES[e.pkt.state]))
            return
        conn = e.pkt.connection
        value = self._value(e, conn) if conn is not None else b""
        if value:
            e.store(self.at, value)
        else:
            e.code = BREAK

    def _value(self, e: Evaluation, conn: Connection) -> bytes:
        key = self.key
        flow = conn.tuple_of(REPLY if self.direction == REPLY else ORIGINAL)
        four = len(flow[1]) == 4
        if key == CT_MARK:
            return _u32(conn.mark)
        if key == DIRECTION:
            return bytes((e.pkt.direction,))
        if key == STATUS:
            return _u32(status_of(conn))
        if key == EXPIRATION:
            left = (conn.deadline - e.owner.stack.clock.now_ns()) // NS_PER_MS if conn.confirmed else 0
            return _u32(max(left, 0))
        if key == L3PROTOCOL:
            return bytes((FAMILY_IPV4 if four else FAMILY_IPV6,))
        if key == CT_PROTOCOL:
            return bytes((flow[0],))
        if key in (SRC, SRC_IP, SRC_IP6):
            return flow[1] if key == SRC or four == (key == SRC_IP) else b""
        if key in (DST, DST_IP, DST_IP6):
            return flow[2] if key == DST or four == (key == DST_IP) else b""
        if key in (PROTO_SRC, PROTO_DST):
            return (flow[3] if key == PROTO_SRC else flow[4]).to_bytes(2, "big")
        if key in COUNTED:
            return self._counted(conn)
        return _u32(conn.number) if key == CT_ID else bytes(CT_SIZES[key])

    def _counted(self, conn: Connection) -> bytes:
        ways = (ORIGINAL, REPLY) if self.direction == BOTH else (self.direction,)
        packets = sum(conn.packets[way] for way in ways)
        count = sum(conn.bytes[way] for way in ways)
        number = packets if self.key == PKTS else count if self.key == CT_BYTES else count // max(packets, 1)
        return number.to_bytes(8, "little")


class CtStore(Expression):
    """A register into the connection's mark."""

    def __init__(self, source: int, key: int) -> None:
        super().__init__("ct")
        self.source = source
        self.key = key

    def evaluate(self, e: Evaluation) -> None:
        if e.pkt.connection is not None:
            e.pkt.connection.set_mark(int.from_bytes(e.registers[self.source : self.source + 4], "little"))


class NoTrack(Expression):
    """The packet belongs to no connection."""

    def __init__(self) -> None:
        super().__init__("notrack")

    def evaluate(self, e: Evaluation) -> None:
        if e.pkt.connection is None:
            e.owner.untrack(e.pkt)
