"""Redirects: a router says that another one, or the destination itself, is the better next hop for one destination.

A host believes the router that it uses for that destination, about what it has sent there; a router tells hosts of its link,
and does not listen. What was learnt holds for five minutes, and while the next hop answers.
Implements: RFC 792 (redirect), RFC 1122 3.2.2.2, 3.3.1.2, RFC 1812 5.2.7.2, RFC 4861 4.5, 8.
Source of behaviour: net/ipv4/route.c: __ip_do_redirect, ip_rt_send_redirect; net/ipv6/route.c: rt6_do_redirect; net/ipv6/ndisc.c:
ndisc_send_redirect.
Deviates: IPv4 gateways must be on the link (RFC 1122), whatever `shared_media` would be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import IPV4_BROADCAST, is_link_local, is_multicast
from tcpip.buffer import RxPacket
from tcpip.clock import NS_PER_MS, NS_PER_S
from tcpip.errors import DropReason, Malformed, NetworkError
from tcpip.header import icmpv4, icmpv6, ndp
from tcpip.header.ipv6_ext import DESTINATION, FRAGMENT, HOP_BY_HOP, ROUTING, walk
from tcpip.network.ndp import send
from tcpip.transport.protocol import IcmpError

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.route import Route
    from tcpip.stack.stack import Stack

LIFETIME: Final = 300 * NS_PER_S
"""net.ipv4.route.gc_timeout."""
MAX_REDIRECTS: Final = 1024
MAX_TOLD: Final = 1024
MAX_MESSAGES: Final = 9
FIRST_PAUSE: Final = 20 * NS_PER_MS
SILENCE: Final = FIRST_PAUSE << (MAX_MESSAGES + 1)
"""After nine redirects that a host does not heed it hears no more for so long."""
_EXTENSIONS: Final = frozenset((HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION))


class Redirect:
    """What was learnt for one destination: not by `router` of interface `nic`, but by `hop`, until a time."""

    __slots__ = ("nic", "router", "hop", "until")

    def __init__(self, nic: int, router: bytes, hop: bytes, until: int) -> None:
        self.nic = nic
        self.router = router
        self.hop = hop
        self.until = until


class Redirects:
    """Those of one stack; `learnt` by destination."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.learnt: dict[bytes, Redirect] = {}
        self._expiry = stack.timers.timer(self._expire)
        self._told: dict[bytes, tuple[int, int]] = {}  # by host: how often, and when last

    def next_hop(self, dst: bytes, router: bytes, nic: Nic) -> bytes:
        """The next hop to `dst` where the routing table says `router`."""
        known = self.learnt.get(dst)
        return known.hop if known is not None and known.nic == nic.number and known.router == router else router

    def _expire(self) -> None:
        now = self.stack.clock.now_ns()
        self.learnt = {dst: one for dst, one in self.learnt.items() if one.until > now}
        if self.learnt:
            self._expiry.arm(min([one.until for one in self.learnt.values()]))
        self.stack.changed()

    def forget(self, nic: Nic, hop: bytes = b"") -> None:
        """The interface goes down or, with `hop`, that neighbour of it does not answer."""
        gone = [dst for dst, one in self.learnt.items() if one.nic == nic.number and hop in (b"", one.hop)]
        for dst in gone:
            del self.learnt[dst]
        if gone:
            self.stack.changed()

    def _learn(self, nic: Nic, dst: bytes, router: bytes, hop: bytes) -> None:
        """Only from the router in use for `dst` at present. Malformed."""
        stack = self.stack
        try:
            route = stack.find_route(dst)
        except NetworkError:
            raise Malformed(DropReason.NO_ROUTE) from None
        if route.nic is not nic or route.next_hop != router or router == dst or hop == router:
            raise Malformed(DropReason.BAD_SOURCE)
        known = self.learnt.get(dst)
        if known is not None:
            router = known.router  # what the table says
        elif len(self.learnt) >= MAX_REDIRECTS:
            del self.learnt[next(iter(self.learnt))]
        until = stack.clock.now_ns() + LIFETIME
        self.learnt[dst] = Redirect(nic.number, router, hop, until)
        if self._expiry.deadline is None:
            self._expiry.arm(until)
        stack.changed()

    # Received.

    def received_v4(self, pkt: RxPacket, error: IcmpError, gateway: bytes) -> None:
        """A redirect about a packet of ours. Malformed."""
        nic, stack = error.nic, self.stack
        if nic.forwards or not nic.accept_redirects:
            raise Malformed(DropReason.NOT_FOR_US)
        if is_multicast(gateway) or gateway == IPV4_BROADCAST or not any(gateway) or gateway in stack.local:
            raise Malformed(DropReason.BAD_FIELD)
        self._must_quote_ours(error)
        entry = stack.routes.lookup(gateway)
        if entry is None or entry.nic is not nic or entry.gateway or gateway in nic.broadcasts:
            raise Malformed(DropReason.BAD_FIELD)
        self._learn(nic, error.dst, pkt.src, gateway)

    def received_v6(self, nic: Nic, pkt: RxPacket, body: bytes) -> None:
        """RFC 4861 8.1 and 8.3. Malformed."""
        if len(body) < 32:
            raise Malformed(DropReason.TRUNCATED)
        target, dst = body[:16], body[16:32]
        if not is_link_local(pkt.src):
            raise Malformed(DropReason.BAD_SOURCE)
        options = ndp.NdpOptions.parse(body[32:])
        if is_multicast(dst) or (target != dst and not is_link_local(target)):
            raise Malformed(DropReason.BAD_FIELD)
        if nic.forwards_v6 or not nic.accept_redirects_v6:
            raise Malformed(DropReason.NOT_FOR_US)
        if options.redirected:
            self._must_quote_ours(_quoted_v6(nic, pkt, options.redirected))
        self._learn(nic, dst, pkt.src, target)
        entry = nic.neighbors.get(target)
        if target != dst:
            entry.is_router = True
        if options.target_link:
            entry.learn(options.target_link)

    def _must_quote_ours(self, error: IcmpError) -> None:
        """Somebody on this host has sent what it is about (RFC 5927)."""
        owner = self.stack.protocols.get(error.protocol)
        if error.src not in self.stack.local or owner is None or not owner.expects_error(error):
            raise Malformed(DropReason.NO_ENDPOINT)

    # Sent.

    def _may_tell(self, host: bytes) -> bool:
        """Nine, with pauses that double; then silence until the host has been quiet, too (RFC 1812 4.3.2.8)."""
        now = self.stack.clock.now_ns()
        count, last = self._told.get(host, (0, 0))
        if count and now > last + SILENCE:
            count = 0
        if count >= MAX_MESSAGES:
            self._told[host] = (count, now)
            return False
        if count and now <= last + (FIRST_PAUSE << count):
            return False
        if not count and len(self._told) >= MAX_TOLD:
            del self._told[next(iter(self._told))]
        self._told[host] = (count + 1, now)
        return True

    def tell_v4(self, nic: Nic, pkt: RxPacket, route: Route) -> None:
        """A packet leaves by the interface that it came in by: its sender could have sent it there itself."""
        if not nic.send_redirects or not _is_neighbor(self.stack, nic, pkt.src) or not self._may_tell(pkt.src):
            return
        self.stack.icmpv4.send_error(pkt, icmpv4.REDIRECT, 1, int.from_bytes(route.next_hop, "big"))

    def tell_v6(self, nic: Nic, pkt: RxPacket, route: Route) -> None:
        """RFC 4861 8.2."""
        own = next((a for a in nic.addresses if len(a) == 16 and is_link_local(a)), b"")
        target, dst = route.next_hop, pkt.dst
        if not own or is_multicast(dst) or (target != dst and not is_link_local(target)):
            return
        if not _is_neighbor(self.stack, nic, pkt.src) or not self._may_tell(pkt.src):
            return
        known = nic.neighbors.find(target)
        body = target + dst
        if known is not None and known.mac:
            body += ndp.link_option(ndp.OPTION_TARGET_LINK, known.mac)
        room = 1280 - 48 - len(body) - 8
        quoted = pkt.data[pkt.network : pkt.end][:room]
        quoted = quoted[: len(quoted) & ~7]
        body += bytes((ndp.OPTION_REDIRECTED, 1 + len(quoted) // 8)) + bytes(6) + quoted
        send(nic, icmpv6.REDIRECT, 0, body, own, pkt.src)


def _is_neighbor(stack: Stack, nic: Nic, host: bytes) -> bool:
    entry = stack.routes.lookup(host)
    return entry is not None and entry.nic is nic and not entry.gateway


def _quoted_v6(nic: Nic, pkt: RxPacket, quoted: bytes) -> IcmpError:
    """The packet in a redirected-header option. Malformed."""
    if len(quoted) < 48 or quoted[0] >> 4 != 6:
        raise Malformed(DropReason.TRUNCATED)
    protocol, at = quoted[6], 40
    if protocol in _EXTENSIONS:
        chain = walk(quoted, protocol, 40, len(quoted), 6, False)
        protocol, at = chain.protocol, chain.at
        if chain.fragment is not None:
            protocol, at = chain.fragment.next_header, at + 8
    if len(quoted) < at + 8:
        raise Malformed(DropReason.TRUNCATED)
    src, dst = quoted[8:24], quoted[24:40]
    none = errors.HOST_UNREACHABLE
    return IcmpError(none, False, icmpv6.REDIRECT, 0, 0, src, dst, protocol, quoted[at:], pkt.src, nic, at)
