"""What rtnetlink tells besides addresses and routes: queueing disciplines, ports of bridges."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.link_state import OPERSTATE, carries, interface_flags, interface_type, operational
from sandbox.sockets.inet.own_links import own_link
from sandbox.sockets.netlink import ingress
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.bridge_change import port_attributes
from sandbox.sockets.netlink.route_bodies import IFINFO, pack_counts, qdisc

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.link.qdisc import Qdisc
    from tcpip.stack.egress import Discipline
    from tcpip.stack.nic import Nic

AF_BRIDGE: Final = 7
_TCMSG: Final = struct.Struct("<BxxxiIII")
_TCA_KIND, _TCA_OPTIONS, _TCA_STATS, _TCA_STATS2, _TCA_HW_OFFLOAD = 1, 2, 3, 7, 12
_TCA_XSTATS: Final = 4
_STATS_BASIC, _STATS_QUEUE, _STATS_APP = 1, 3, 4
_GOLDEN: Final = 0x61C88647  # GOLDEN_RATIO_32
_BASIC: Final = struct.Struct("<QI4x")
_OLD_STATS: Final = struct.Struct("<QI28x")
_OLD: Final = struct.Struct("<Q7I4x")  # struct tc_stats
_QUEUE: Final = struct.Struct("<5I")  # struct gnet_stats_queue
_STATSMSG: Final = struct.Struct("<B3xII")
_LINK_64: Final = 1
RTM_NEWSTATS: Final = 92
_ROOT: Final = 0xFFFFFFFF
_DISABLED, _FORWARDING = 0, 3
_NESTED: Final = 0x8000


def qdiscs(network: Network) -> list[bytes]:
    """RTM_NEWQDISC of a dump: what each interface that is set up sends by."""
    found = []
    for _, nic in sorted(network.stack.nics.items()):
        kind = qdisc(nic)
        if nic.egress is not None:
            found += [egress_body(one) for one in in_order(nic.egress)]
        elif kind != "noop":
            found.append(default_body(nic, kind))
        first = ingress.discipline(nic)
        if first is not None:
            found.append(egress_body(first))
    return found


def default_body(nic: Nic, kind: str, references: int = 2) -> bytes:
    """The one that an interface begins with."""
    return _TCMSG.pack(0, nic.number, 0, _ROOT, references) + nl.string(_TCA_KIND, kind) + _sent(nic, kind)


def in_order(root: Discipline) -> list[Discipline]:
    """As Linux's table by handles has those inside: 16 lists, the last one first (qdisc_hash_add)."""
    return [root, *sorted(root.all()[1:], key=lambda one: ((one.handle * _GOLDEN & 0xFFFFFFFF) >> 28, -one.number))]


def egress_body(egress: Discipline, references: int = 2) -> bytes:
    """One that somebody has made (tc_fill_qdisc). `references`: how many there are to one at the root."""
    from sandbox.sockets.netlink.qdisc_kinds import options_of
    from sandbox.sockets.netlink.qdisc_queues import statistics as own_statistics

    qdisc, options = egress.qdisc, options_of(egress)
    if egress.parent != _ROOT:
        references -= 1
    parts = [_TCMSG.pack(0, egress.nic.number, egress.handle, egress.parent, references)]
    parts += [nl.string(_TCA_KIND, egress.kind)]
    parts += [nl.attribute(_TCA_OPTIONS, options)] if options or egress.handle == ingress.HANDLE else []
    own = own_statistics(qdisc, egress.nic.stack.clock.now_ns())
    return b"".join(parts) + nl.u8(_TCA_HW_OFFLOAD, 0) + statistics(qdisc, egress.dropped(), own)


def statistics(qdisc: Qdisc, drops: int, own: bytes = b"") -> bytes:
    """Of a discipline. `own`: of its kind only."""
    counts = (qdisc.sent_bytes, qdisc.sent, qdisc.packets, qdisc.bytes, drops, qdisc.requeues, qdisc.overlimits)
    return counted(*counts, own)


def counted(
    octets: int, packets: int, waiting: int, backlog: int, drops: int, requeues: int, overlimits: int, own: bytes
) -> bytes:
    """TCA_STATS2, TCA_STATS and TCA_XSTATS (gnet_stats_finish_copy)."""
    packets &= 0xFFFFFFFF
    basic = nl.attribute(_STATS_BASIC, _BASIC.pack(octets, packets))
    queue = _QUEUE.pack(waiting, backlog, drops, requeues, overlimits)
    old = _OLD.pack(octets, packets, drops, overlimits, 0, 0, waiting, backlog)
    new = basic + nl.attribute(_STATS_QUEUE, queue) + (nl.attribute(_STATS_APP, own) if own else b"")
    told = nl.attribute(_TCA_STATS2, new) + nl.attribute(_TCA_STATS, old)
    return told + nl.attribute(_TCA_XSTATS, own) if own else told


def _sent(nic: Nic, kind: str) -> bytes:
    """TCA_STATS2 and TCA_STATS (tc_fill_qdisc): `noqueue` counts nothing."""
    octets, packets = (0, 0) if kind == "noqueue" else (nic.tx_bytes, nic.tx_packets & 0xFFFFFFFF)
    basic = nl.attribute(_STATS_BASIC, _BASIC.pack(octets, packets))
    new = nl.attribute(_TCA_STATS2, basic + nl.attribute(_STATS_QUEUE, bytes(20)))
    return new + nl.attribute(_TCA_STATS, _OLD_STATS.pack(octets, packets))


def interface_counts(nic: Nic, mask: int) -> bytes:
    """RTM_NEWSTATS of one interface: of what is asked for only IFLA_STATS_LINK_64 is there (rtnl_fill_statsinfo)."""
    body = _STATSMSG.pack(0, nic.number, mask & _LINK_64)
    return body + nl.attribute(1, pack_counts(nic)) if mask & _LINK_64 else body


def counts(network: Network, request: Request, port: int) -> list[bytes]:
    """RTM_GETSTATS: EINVAL without a mask, ENODEV, for an interface or a dump."""
    _, number, mask = request.header(_STATSMSG)
    if not mask:
        raise nl.Refusal(errno.EINVAL, "Filter mask must be set for stats get" + (" dump" if request.dump else ""))
    if request.dump:
        bodies = [interface_counts(nic, mask) for _, nic in sorted(network.stack.nics.items()) if mask & _LINK_64]
        return nl.dump(request, port, RTM_NEWSTATS, bodies)
    nic = network.stack.nics.get(number)
    if nic is None:
        raise SyscallError(errno.ENODEV if number > 0 else errno.EINVAL)
    return [nl.message(RTM_NEWSTATS, 0, request.seq, port, interface_counts(nic, mask))]


def bridge_ports(network: Network) -> list[bytes]:
    """RTM_NEWLINK of a dump for AF_BRIDGE: every port, as its bridge sees it (br_fill_ifinfo)."""
    return [_port(nic) for _, nic in sorted(network.stack.nics.items()) if _master(nic)]


def _master(nic: Nic) -> int:
    link = own_link(nic)
    bridge = link.port.device.nic if link is not None and link.port is not None else None
    return bridge.number if bridge is not None else 0


def _port(nic: Nic) -> bytes:
    state = _FORWARDING if carries(nic) else _DISABLED
    parts = [IFINFO.pack(AF_BRIDGE, interface_type(nic), nic.number, interface_flags(nic), 0), nl.string(3, nic.name)]
    parts += [
        nl.u32(10, _master(nic)),
        nl.u32(4, nic.mtu),
        nl.u8(16, OPERSTATE[operational(nic)]),
        nl.attribute(1, nic.mac),
    ]
    link = own_link(nic)
    other = link.tied_to() if link is not None else None
    if other is not None:
        parts.append(nl.u32(5, other.number))
    if link is not None and link.port is not None:
        parts.append(nl.attribute(12 | _NESTED, port_attributes(link.port, state)))
    return b"".join(parts)
