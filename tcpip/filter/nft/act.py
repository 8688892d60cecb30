"""Expressions that do something with the packet: translate, reject, log, hand over; and ask the routing table.

Source: net/netfilter/nft_nat.c, nft_masq.c, nft_redir.c, nft_reject.c, nft_reject_inet.c, nft_log.c, nft_tproxy.c,
nft_fib.c, nft_rt.c.
Deviates: a log statement is told to `Netfilter.trace` only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import IPV4_BROADCAST, is_multicast
from tcpip.errors import NetworkError
from tcpip.filter import table, target
from tcpip.filter.nat import NatRange
from tcpip.filter.nft.machine import ACCEPT, BREAK, CONTINUE, DROP, RETURN, Evaluation, Expression
from tcpip.filter.packet import DST, SRC, FilteredPacket
from tcpip.filter.table import FORWARD, INPUT, OUTPUT, POSTROUTING, PREROUTING

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack

SNAT, DNAT = range(2)
PROTO_SPECIFIED: Final = 2
DNAT_HOOKS: Final = frozenset((PREROUTING, OUTPUT))
SNAT_HOOKS: Final = frozenset((INPUT, POSTROUTING))
VERDICTS: Final = {table.ACCEPT: ACCEPT, table.DROP: DROP, table.RETURN: RETURN, table.CONTINUE: CONTINUE}


class Act(Expression):
    """One that a target of `tcpip.filter.target` does."""

    def __init__(self, name: str, kind: str, hooks: frozenset[str]) -> None:
        super().__init__(name)
        self.kind = kind
        self.where = hooks

    def hooks(self) -> tuple[str, frozenset[str]]:
        return self.kind, self.where


def _ports(e: Evaluation, low: int | None, high: int | None) -> tuple[int, int] | None:
    if low is None:
        return None
    first = int.from_bytes(e.registers[low : low + 2], "big")
    return (first, first) if high is None else (first, int.from_bytes(e.registers[high : high + 2], "big"))


class Nat(Act):
    """SNAT or DNAT to the address and port in registers; None for those that stay."""

    def __init__(
        self,
        kind: int,
        family: int,
        address: tuple[int | None, int | None],
        proto: tuple[int | None, int | None],
        flags: int,
    ) -> None:
        super().__init__("nat", "nat", SNAT_HOOKS if kind == SNAT else DNAT_HOOKS)
        self.type = kind
        self.family = family
        self.address = address
        self.proto = proto
        self.flags = flags

    def evaluate(self, e: Evaluation) -> None:
        size = len(e.pkt.src)
        low, high = self.address
        first = bytes(e.registers[low : low + size]) if low is not None else b""
        last = bytes(e.registers[high : high + size]) if high is not None else first
        chosen = NatRange(first, last, _ports(e, *self.proto), self.flags)
        verdict = e.owner.translator.bind(e.pkt, chosen, SRC if self.type == SNAT else DST)
        e.code = VERDICTS[verdict]


class Masquerade(Act):
    """SNAT to the address of the interface that it leaves by."""

    def __init__(self, proto: tuple[int | None, int | None], flags: int) -> None:
        super().__init__("masq", "nat", frozenset((POSTROUTING,)))
        self.proto = proto
        self.flags = flags

    def evaluate(self, e: Evaluation) -> None:
        e.code = VERDICTS[target.Masquerade(_ports(e, *self.proto), self.flags).apply(e.pkt, e.hook, e.owner)]


class Redirect(Act):
    """DNAT to this host."""

    def __init__(self, proto: tuple[int | None, int | None], flags: int) -> None:
        super().__init__("redir", "nat", DNAT_HOOKS)
        self.proto = proto
        self.flags = flags

    def evaluate(self, e: Evaluation) -> None:
        e.code = VERDICTS[target.Redirect(_ports(e, *self.proto), self.flags).apply(e.pkt, e.hook, e.owner)]


ICMP_UNREACHABLE, TCP_RESET, ICMPX_UNREACHABLE = range(3)
_ICMPX_V4: Final = (0, 3, 1, 13)
_ICMPX_V6: Final = (0, 4, 3, 1)


class Reject(Act):
    """Dropped, and its sender is told by an ICMP error of `code` or a reset."""

    def __init__(self, kind: int, code: int) -> None:
        super().__init__("reject", "", frozenset((PREROUTING, INPUT, FORWARD, OUTPUT)))
        self.type = kind
        self.code = code

    def evaluate(self, e: Evaluation) -> None:
        code = self.code
        if self.type == ICMPX_UNREACHABLE:
            code = (_ICMPX_V4 if e.pkt.four else _ICMPX_V6)[code]
        target.Reject(code, self.type == TCP_RESET).apply(e.pkt, e.hook, e.owner)
        e.code = DROP


class Log(Expression):
    """Tells `Netfilter.trace`. `group` -1 is the kernel's log with `level` and `flags`, else a listener's."""

    def __init__(self, prefix: str, group: int, level: int, flags: int, snaplen: int, threshold: int) -> None:
        super().__init__("log")
        self.prefix = prefix
        self.group = group
        self.level = level
        self.flags = flags
        self.snaplen = snaplen
        self.threshold = threshold

    def evaluate(self, e: Evaluation) -> None:
        target.Log(self.prefix).apply(e.pkt, e.hook, e.owner)


class Tproxy(Act):
    """To a local socket with IP_TRANSPARENT, bound to the port in a register (None: the packet's own)."""

    def __init__(self, family: int, address: int | None, port: int | None) -> None:
        super().__init__("tproxy", "filter", frozenset((PREROUTING,)))
        self.family = family
        self.address = address
        self.port = port

    def evaluate(self, e: Evaluation) -> None:
        ports = _ports(e, self.port, None)
        verdict = target.Transparent(ports[0] if ports is not None else -1).apply(e.pkt, e.hook, e.owner)
        e.code = BREAK if verdict == table.DROP else CONTINUE


# The routing table.

OIF, OIFNAME, ADDRTYPE = 1, 2, 3
F_SADDR, F_DADDR, F_MARK, F_IIF, F_OIF, F_PRESENT = 1, 2, 4, 8, 16, 32
UNSPEC, UNICAST, LOCAL, BROADCAST, ANYCAST, MULTICAST, BLACKHOLE, UNREACHABLE, PROHIBIT = range(9)


def address_type(stack: Stack, addr: bytes, nic: Nic | None = None) -> int:
    """RTN_* of an address, of one interface where `nic` is given (inet_dev_addr_type, ipv6_addr_type)."""
    if is_multicast(addr):
        return MULTICAST
    if not any(addr):
        return BROADCAST if len(addr) == 4 else UNSPEC
    nics = [one for one in stack.nics.values() if nic is None or one is nic]
    if addr == IPV4_BROADCAST or any(addr in one.broadcasts for one in nics):
        return BROADCAST
    if any(addr in one.addresses for one in nics) or (addr[0] == 127 and any(one.loopback for one in nics)):
        return LOCAL
    try:
        stack.find_route(addr)
    except NetworkError as error:
        return PROHIBIT if error.error is errors.PERMISSION_DENIED else UNREACHABLE
    return UNICAST


class Fib(Expression):
    """What the routing table says of the source or destination: the interface that leads there, or the address's type."""

    def __init__(self, at: int, result: int, flags: int) -> None:
        super().__init__("fib")
        self.at = at
        self.result = result
        self.flags = flags

    def evaluate(self, e: Evaluation) -> None:
        pkt, stack = e.pkt, e.owner.stack
        addr = pkt.src if self.flags & F_SADDR else pkt.dst
        nic = pkt.in_nic if self.flags & F_IIF else pkt.out_nic if self.flags & F_OIF else None
        if self.result == ADDRTYPE:
            e.store(self.at, address_type(stack, addr, nic).to_bytes(4, "little"))
            return
        found: Nic | None = None
        try:
            found = stack.find_route(addr, b"", 0, pkt.mark if self.flags & F_MARK else 0).nic
        except NetworkError:
            pass
        if nic is not None and found is not nic:
            found = None
        if pkt.in_nic is not None and pkt.in_nic.loopback:
            found = pkt.in_nic  # nft_fib_is_loopback
        if self.flags & F_PRESENT:
            e.store(self.at, bytes((found is not None,)))
        elif self.result == OIFNAME:
            e.store(self.at, (found.name.encode("latin-1", "replace") if found is not None else b"").ljust(16, b"\0"))
        else:
            e.store(self.at, (found.number if found is not None else 0).to_bytes(4, "little"))


NEXTHOP4, NEXTHOP6, TCPMSS = 1, 2, 3


class RouteLoad(Expression):
    """Of the packet's route the next hop, or the largest TCP segment that fits its MTU."""

    def __init__(self, at: int, key: int) -> None:
        super().__init__("rt")
        self.at = at
        self.key = key

    def hooks(self) -> tuple[str, frozenset[str]]:
        return "", frozenset((FORWARD, OUTPUT, POSTROUTING)) if self.key == TCPMSS else frozenset()

    def evaluate(self, e: Evaluation) -> None:
        pkt = e.pkt
        size = 4 if self.key == NEXTHOP4 else 16
        if self.key != TCPMSS and len(pkt.dst) != size:
            e.code = BREAK
            return
        try:
            route = e.owner.stack.find_route(pkt.dst, b"", 0, pkt.mark)
        except NetworkError:
            e.code = BREAK
            return
        if self.key == TCPMSS:
            e.store(self.at, segment_size(pkt, e.owner.stack).to_bytes(2, "little"))
        else:
            e.store(self.at, route.next_hop or pkt.dst)


def segment_size(pkt: FilteredPacket, stack: Stack) -> int:
    """What fits the route there and the way back (nft_rt's get_tcpmss)."""
    least = 0xFFFF
    for addr in (pkt.dst, pkt.src):
        try:
            least = min(least, stack.find_route(addr).mtu())
        except NetworkError:
            continue
    return max(least - (40 if pkt.four else 60), 0)
