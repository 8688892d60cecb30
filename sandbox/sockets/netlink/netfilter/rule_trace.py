"""NFNLGRP_NFTRACE: what becomes of packets that are traced (net/netfilter/nf_tables_trace.c; `nft monitor trace`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter import batch as b
from sandbox.sockets.netlink.netfilter.attributes import be16, be32, be64
from sandbox.sockets.netlink.netfilter.connection_watch import NETLINK_NETFILTER
from tcpip.filter.flow_tuple import ORIGINAL
from tcpip.filter.nft.machine import FAMILY_IPV4, FAMILY_IPV6, GOTO, JUMP, Evaluation
from tcpip.filter.nft.meta import STATES, status_of
from tcpip.filter.packet import UNTRACKED, FilteredPacket
from tcpip.filter.table import FORWARD, INPUT, OUTPUT, POSTROUTING, PREROUTING
from tcpip.filter.tracking import RuleWatch

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from tcpip.filter.nft.ruleset import Chain, Rule
    from tcpip.stack.nic import Nic

GROUP: Final = 9
(_TABLE, _CHAIN, _HANDLE, _TYPE, _VERDICT, _ID, _LL, _NETWORK, _TRANSPORT) = range(1, 10)
_IIF, _IIFTYPE, _OIF, _OIFTYPE, _MARK, _NFPROTO, _POLICY = range(10, 17)
_CT_ID, _CT_DIRECTION, _CT_STATUS, _CT_STATE = range(18, 22)
_POLICY_TYPE, _RULE_TYPE = 1, 3
_NETWORK_MOST, _TRANSPORT_MOST, _LL_MOST = 40, 20, 14
_ETHERNET, _LOOPBACK = 1, 772
_WAYS_IN: Final = frozenset((PREROUTING, INPUT, FORWARD))
_WAYS_OUT: Final = frozenset((FORWARD, OUTPUT, POSTROUTING))


class Tracer(RuleWatch):
    """Tells who listens."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def rule(self, e: Evaluation, chain: Chain, rule: Rule | None, code: int) -> None:
        parts = [be64(_HANDLE, rule.handle)] if rule is not None else []
        target = nl.string(2, e.chain.name) if code in (JUMP, GOTO) and e.chain is not None else b""
        parts.append(nl.attribute(_VERDICT, be32(1, code) + target))
        self._tell(e, chain, _RULE_TYPE, parts)

    def policy(self, e: Evaluation, chain: Chain) -> None:
        self._tell(e, chain, _POLICY_TYPE, [be32(_POLICY, chain.policy)])

    def _tell(self, e: Evaluation, chain: Chain, kind: int, parts: list[bytes]) -> None:
        ports = self.network.netlink_ports
        listeners = ports.members(NETLINK_NETFILTER, GROUP) if ports is not None else []
        if not listeners or e.base is None:
            return
        pkt = e.pkt
        if not pkt.trace_number:
            pkt.trace_number = self.network.stack.random.getrandbits(32) | 1
        head = [
            be32(_NFPROTO, FAMILY_IPV4 if pkt.four else FAMILY_IPV6),
            be32(_TYPE, kind),
            be32(_ID, pkt.trace_number),
        ]
        head += [nl.string(_CHAIN, chain.name), nl.string(_TABLE, chain.table.name)]
        if pkt.mark:
            parts.append(be32(_MARK, pkt.mark))
        if not e.told:
            e.told = True
            parts += _packet(e)
        body = b.GENMSG.pack(e.base.table.family, 0, 0) + b"".join(head + parts)
        datagram = nl.message(b.SUBSYS_NFTABLES << 8 | b.TRACE, 0, 0, 0, body)
        for socket in listeners:
            socket.deliver(datagram, GROUP)


def _packet(e: Evaluation) -> list[bytes]:
    """What it is, once for each base chain (nf_trace_fill_pkt_info)."""
    pkt, parts = e.pkt, []
    if e.hook in _WAYS_IN and pkt.in_nic is not None:
        parts += [be32(_IIF, pkt.in_nic.number), be16(_IIFTYPE, _type(pkt.in_nic))]
    if e.hook in _WAYS_OUT and pkt.out_nic is not None:
        parts += [be32(_OIF, pkt.out_nic.number), be16(_OIFTYPE, _type(pkt.out_nic))]
    size = min(pkt.transport - pkt.network, _NETWORK_MOST)
    parts.append(nl.attribute(_NETWORK, pkt.read(pkt.network, size)))
    parts.append(nl.attribute(_TRANSPORT, pkt.read(pkt.transport, _TRANSPORT_MOST)))
    if pkt.rx is not None and pkt.in_nic is not None and e.hook in _WAYS_IN:
        parts.append(nl.attribute(_LL, _link_header(pkt)))
    return parts + _connection(pkt)


def _link_header(pkt: FilteredPacket) -> bytes:
    """Of a loopback, which has none here, what Linux has there."""
    assert pkt.rx is not None
    header = bytes(pkt.rx.data[pkt.rx.link : pkt.rx.network])[:_LL_MOST]
    return header or bytes(12) + (b"\x08\x00" if pkt.four else b"\x86\xdd")


def _type(nic: Nic) -> int:
    return _LOOPBACK if nic.loopback else _ETHERNET


def _connection(pkt: FilteredPacket) -> list[bytes]:
    conn = pkt.connection
    if conn is None:
        return [be32(_CT_STATE, STATES[UNTRACKED])] if pkt.untracked else []
    way = nl.u8(_CT_DIRECTION, 0 if pkt.direction == ORIGINAL else 1)
    parts = [be32(_CT_STATE, STATES[pkt.state]), way, be32(_CT_ID, conn.number)]
    status = status_of(conn)
    return [*parts, be32(_CT_STATUS, status)] if status else parts
