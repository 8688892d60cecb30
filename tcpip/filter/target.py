"""What a rule does with a packet. A target of one's own derives from `tcpip.filter.table.Target`.

Source: iptables-extensions(8), whose targets these are.
Implements: RFC 1812 5.3.9 and RFC 4443 3.1 (administratively prohibited) in `Reject`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tcpip.addr import IPV4_LOOPBACK, IPV6_LOOPBACK, parse
from tcpip.filter import reject
from tcpip.filter.nat import NatRange
from tcpip.filter.packet import DST, SRC, FilteredPacket
from tcpip.filter.table import ACCEPT, CONTINUE, DROP, FORWARD, INPUT, OUTPUT, POSTROUTING, PREROUTING, RETURN, Target
from tcpip.sockopt import IPPROTO_TCP

if TYPE_CHECKING:
    from tcpip.filter.netfilter import Netfilter

_NAT: Final = ("nat",)
_DST_HOOKS: Final = (PREROUTING, OUTPUT)
_SRC_HOOKS: Final = (INPUT, POSTROUTING)


class Accept(Target):
    """This table has no objection."""

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        return ACCEPT


class Drop(Target):
    """Gone without a word; who sent it from this host gets NOT_PERMITTED."""

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        return DROP


class Return(Target):
    """Back to the calling chain; at the top the policy."""

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        return RETURN


class Reject(Target):
    """Dropped, and its sender is told: by a reset, or an ICMP destination unreachable of `code` (-1: port unreachable;
    3 for IPv4, 4 for IPv6)."""

    def __init__(self, code: int = -1, tcp_reset: bool = False) -> None:
        super().__init__(("filter",), (INPUT, FORWARD, OUTPUT))
        self.code = code
        self.tcp_reset = tcp_reset

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        if self.tcp_reset:
            if pkt.protocol == IPPROTO_TCP:
                reject.send_reset(owner.stack, pkt)
        else:
            reject.send_unreachable(owner.stack, pkt, self.code)
        return DROP


class Log(Target):
    """Tell `Netfilter.trace`, and go on."""

    def __init__(self, prefix: str = "") -> None:
        super().__init__()
        self.prefix = prefix

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        if owner.trace is not None:
            owner.trace(self.prefix, hook, pkt)
        return CONTINUE


class Ask(Target):
    """A function of the user's decides: CONTINUE, ACCEPT, DROP or RETURN."""

    def __init__(self, decide: Callable[[FilteredPacket], int]) -> None:
        super().__init__()
        self.decide = decide

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        return self.decide(pkt)


class SetMark(Target):
    """The bits of `mask` become those of `value`; what is routed after that is routed by it."""

    def __init__(self, value: int, mask: int = 0xFFFFFFFF) -> None:
        super().__init__(("mangle",))
        self.value, self.mask = value, mask

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        pkt.mark = pkt.mark & ~self.mask | self.value
        return CONTINUE


class SaveMark(Target):
    """The packet's mark becomes its connection's."""

    def __init__(self) -> None:
        super().__init__(("mangle",))

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        if pkt.connection is not None:
            pkt.connection.mark = pkt.mark
        return CONTINUE


class RestoreMark(Target):
    """The connection's mark becomes the packet's."""

    def __init__(self) -> None:
        super().__init__(("mangle",))

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        if pkt.connection is not None:
            pkt.mark = pkt.connection.mark
        return CONTINUE


class NoTrack(Target):
    """The packet belongs to no connection and is not translated."""

    def __init__(self) -> None:
        super().__init__(("raw",))

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        owner.untrack(pkt)
        return CONTINUE


def _range(first: str, last: str, ports: tuple[int, int] | None, flags: int) -> NatRange:
    low = parse(first) if first else b""
    return NatRange(low, parse(last) if last else low, ports, flags)


class Dnat(Target):
    """To another address (`first` to `last`: one of them by the sender) and port of `ports`; answers come back as if
    from the first destination. Empty `first`: the address stays."""

    def __init__(self, first: str, last: str = "", ports: tuple[int, int] | None = None, flags: int = 0) -> None:
        super().__init__(_NAT, _DST_HOOKS)
        self.range = _range(first, last, ports, flags)

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        return owner.translator.bind(pkt, self.range, DST)


class Snat(Target):
    """From another address (`first` to `last`) and, where needed or asked, port."""

    def __init__(self, first: str, last: str = "", ports: tuple[int, int] | None = None, flags: int = 0) -> None:
        super().__init__(_NAT, _SRC_HOOKS)
        self.range = _range(first, last, ports, flags)

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        return owner.translator.bind(pkt, self.range, SRC)


class Masquerade(Target):
    """From the address that the outgoing interface has; forgotten when the interface goes down or loses it."""

    def __init__(self, ports: tuple[int, int] | None = None, flags: int = 0) -> None:
        super().__init__(_NAT, (POSTROUTING,))
        self.ports = ports
        self.flags = flags

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        nic = pkt.out_nic
        addr = nic.source_for(pkt.dst) if nic is not None else b""
        if not addr:
            return DROP
        if pkt.connection is not None:
            pkt.connection.masquerade_nic = nic
        return owner.translator.bind(pkt, NatRange(addr, addr, self.ports, self.flags), SRC)


class Redirect(Target):
    """To this host: the incoming interface's own address, or loopback for what this host sends."""

    def __init__(self, ports: tuple[int, int] | None = None, flags: int = 0) -> None:
        super().__init__(_NAT, _DST_HOOKS)
        self.ports = ports
        self.flags = flags

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        if hook == OUTPUT:
            addr = IPV4_LOOPBACK if pkt.four else IPV6_LOOPBACK
        else:
            own = pkt.in_nic.addresses if pkt.in_nic is not None else {}
            addr = next((a for a in own if len(a) == len(pkt.dst)), b"")
            if not addr:
                return DROP
        return owner.translator.bind(pkt, NatRange(addr, addr, self.ports, self.flags), DST)


class Transparent(Target):
    """To a local socket with IP_TRANSPARENT, whatever the packet's address: a connected one of its own, else the one
    bound to `port` (-1: the packet's own port). Without such a socket it is dropped (Linux's TPROXY)."""

    def __init__(self, port: int = -1, mark: int = 0) -> None:
        super().__init__(("mangle",), (PREROUTING,))
        self.port = port
        self.mark = mark

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        listener = owner.transparent_socket(pkt, self.port)
        if listener is None:
            return DROP
        pkt.intercepted, pkt.listener = True, listener
        pkt.mark |= self.mark
        return ACCEPT
