"""A DHCPv6 client for one NIC: addresses from a server, or only what else it knows, as router advertisements say.

Driven by the stack's timers and packets. With `follow` it begins by itself: the M flag of an advertisement asks for
addresses, O alone for information (RFC 4861 4.2).
Implements: RFC 8415 15 (retransmission), 18.2.1, 18.2.2, 18.2.4 - 18.2.8, 18.2.10, RFC 3646.
Deviates: one IA_NA; no rapid commit, Confirm, reconfiguration, prefix delegation or authentication; always multicast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tcpip.addr import AF_INET6, SockAddr, is_any, is_link_local, is_loopback, is_multicast
from tcpip.clock import NS_PER_MS, NS_PER_S
from tcpip.errors import Malformed, NetworkError
from tcpip.header import dhcp6 as wire
from tcpip.header.dhcp6 import Dhcp6Message, IdentityAssociation, LeasedAddress
from tcpip.sockopt import SO_BINDTODEVICE, SOCK_DGRAM, SOL_SOCKET
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.transport.endpoint import Endpoint

STOPPED: Final = 0
WAITING: Final = 1
"""For an advertisement that says what to ask for."""
SOLICITING: Final = 2
REQUESTING: Final = 3
BOUND: Final = 4
RENEWING: Final = 5
REBINDING: Final = 6
INFORMING: Final = 7
INFORMED: Final = 8

# First and longest wait for an answer (RFC 8415 7.6), seconds.
_PACES: Final = {
    SOLICITING: (1, 3600),
    REQUESTING: (1, 30),
    RENEWING: (10, 600),
    REBINDING: (10, 600),
    INFORMING: (1, 3600),
}
_KINDS: Final = {
    SOLICITING: wire.SOLICIT,
    REQUESTING: wire.REQUEST,
    RENEWING: wire.RENEW,
    REBINDING: wire.REBIND,
    INFORMING: wire.INFORMATION_REQUEST,
}
MAX_REQUESTS: Final = 10
MAX_DELAY: Final = NS_PER_S
REFRESH: Final = 86400
MIN_REFRESH: Final = 600
MAX_ADDRESSES: Final = 8
MAX_MESSAGE: Final = 1500


class Dhcp6Client:
    """`start` it once the NIC has a link-local address, `stop` it before the NIC goes. `addresses` are in use, `server`
    who gave them. `on_change` is called when addresses or DNS servers have come or gone."""

    def __init__(self, nic: Nic) -> None:
        self.nic = nic
        self.state = STOPPED
        self.on_change: Callable[[], None] | None = None
        self.addresses: dict[bytes, LeasedAddress] = {}
        self.server = b""
        self.client_id = b"\0\3\0\1" + nic.mac  # DUID-LL (RFC 8415 11.4)
        self.iaid = nic.mac[-4:]
        self._follows = False
        self._endpoint: Endpoint | None = None
        self._timer = nic.stack.timers.timer(self._expired)
        self._buffer = bytearray(MAX_MESSAGE)
        self._transaction = self._sent = self._began = self._wait = self._bound_at = 0
        self._t1 = self._t2 = 0  # ns after _bound_at; 0: never
        self._longest = dict.fromkeys((SOLICITING, INFORMING), 3600)
        self._offer: tuple[int, bytes, list[LeasedAddress]] | None = None

    def follow(self) -> None:
        """Do what router advertisements say from now on; what the last one has said at once."""
        self._follows = True
        self.nic.autoconf.on_flags = self._flags_seen
        if self.state == STOPPED:
            self.state = WAITING
        self._flags_seen()

    def start(self, addresses: bool = True) -> None:
        """Ask for addresses, or only for information. ADDRESS_NOT_AVAILABLE without a link-local address, ADDRESS_IN_USE."""
        if self.state not in (STOPPED, WAITING):
            return
        self._open()
        self._begin(SOLICITING if addresses else INFORMING, MAX_DELAY)

    def stop(self) -> None:
        """Give addresses back, and tell the server once: whoever stops does not wait for its word (RFC 8415 18.2.7)."""
        if self._follows:
            self.nic.autoconf.on_flags = None
            self._follows = False
        if self.addresses:
            self._transaction = self.nic.stack.random.getrandbits(24)
            self._send(wire.RELEASE, list(self.addresses.values()), self.server)
        self._drop(list(self.addresses))
        self._timer.cancel()
        self.state = STOPPED
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None

    def _flags_seen(self) -> None:
        autoconf = self.nic.autoconf
        wanted = autoconf.managed or autoconf.other
        idle = self.state in (STOPPED, WAITING) or (autoconf.managed and self.state in (INFORMING, INFORMED))
        if not wanted or not idle:
            return
        try:
            self._open()
        except NetworkError:
            return  # no link-local address yet; the next advertisement tries again
        self._begin(SOLICITING if autoconf.managed else INFORMING, MAX_DELAY)

    def _open(self) -> None:
        if self._endpoint is not None:
            return
        own = [
            a for a in self.nic.addresses.values() if is_link_local(a.addr) and len(a.addr) == 16 and not a.tentative
        ]
        endpoint = self.nic.stack.new_endpoint(AF_INET6, SOCK_DGRAM)
        try:
            endpoint.set_option(SOL_SOCKET, SO_BINDTODEVICE, self.nic.name.encode())
            source = own[0].addr if own else b"\xfe\x80" + bytes(14)
            endpoint.bind(SockAddr(source, wire.CLIENT_PORT, self.nic.number))
        except NetworkError:
            endpoint.close()
            raise
        endpoint.queue.add(EVENT_IN, self._readable)
        self._endpoint = endpoint

    # Asking.

    def _now(self) -> int:
        return self.nic.stack.clock.now_ns()

    def _begin(self, state: int, delay: int = 0) -> None:
        """A new exchange, after a random part of `delay`."""
        random = self.nic.stack.random
        self.state = state
        self._transaction = random.getrandbits(24)
        self._sent = self._wait = 0
        if state == SOLICITING:
            self._offer = None
        if delay:
            self._began = self._now()
            self._timer.arm(self._began + random.randrange(delay))
        else:
            self._transmit()

    def _transmit(self) -> None:
        """Send what the state asks for; again later (RFC 8415 15)."""
        now = self._now()
        if not self._sent:
            self._began = now
        self._sent += 1
        first, longest = _PACES[self.state]
        longest = self._longest.get(self.state, longest)
        spread = self.nic.stack.random.randrange(-100, 101)
        if not self._wait:
            spread = abs(spread) if self.state == SOLICITING else spread  # 18.2.1: the first wait is a whole one
            self._wait = first * NS_PER_S * (1000 + spread) // 1000
        else:
            self._wait = self._wait * (2000 + spread) // 1000
        if self._wait > longest * NS_PER_S:
            self._wait = longest * NS_PER_S * (1000 + spread) // 1000
        asked = list(self.addresses.values())
        if self.state == REQUESTING and self._offer is not None:
            asked = self._offer[2]
        server = self.server if self.state in (REQUESTING, RENEWING) else b""
        self._send(_KINDS[self.state], asked, server)
        self._timer.arm(min(now + self._wait, self._end_of_state()))

    def _end_of_state(self) -> int:
        """When renewing turns into rebinding, and when the last address is gone."""
        never = 1 << 62
        if self.state == RENEWING:
            return self._bound_at + self._t2 if self._t2 else never
        if self.state != REBINDING or any(a.valid_s == wire.FOREVER for a in self.addresses.values()):
            return never
        return self._bound_at + max((a.valid_s for a in self.addresses.values()), default=0) * NS_PER_S

    def _send(self, kind: int, asked: list[LeasedAddress], server: bytes) -> None:
        elapsed = min((self._now() - self._began) // (10 * NS_PER_MS), 0xFFFF) if self._sent > 1 else 0
        options: list[wire.Option] = [(wire.OPTION_CLIENT_ID, self.client_id)]
        if server:
            options.append((wire.OPTION_SERVER_ID, server))
        options.append((wire.OPTION_ELAPSED, elapsed.to_bytes(2, "big")))
        if kind != wire.INFORMATION_REQUEST:
            options.append(IdentityAssociation(self.iaid, 0, 0, asked).to_option())
        if kind not in (wire.RELEASE, wire.DECLINE):
            wanted = (wire.OPTION_DNS, wire.OPTION_SOL_MAX_RT, wire.OPTION_INF_MAX_RT, wire.OPTION_REFRESH_TIME)
            options.append((wire.OPTION_REQUESTED, b"".join([code.to_bytes(2, "big") for code in wanted])))
        data = Dhcp6Message(kind, self._transaction, options).to_bytes()
        if self._endpoint is not None:
            try:
                self._endpoint.sendmsg(data, SockAddr(wire.ALL_SERVERS, wire.SERVER_PORT, self.nic.number))
            except NetworkError:
                self.nic.stack.stats.ip6.inc("OutNoRoutes")  # as good as lost

    # Answers.

    def _readable(self, _: int) -> None:
        view = memoryview(self._buffer)
        while self._endpoint is not None:
            try:
                got = self._endpoint.recvmsg(view)
            except NetworkError:
                return
            try:
                message = Dhcp6Message.parse(view[: min(got.length, MAX_MESSAGE)])
                self._received(message)
            except Malformed as error:
                self.nic.stack.stats.drop(error.reason)

    def _received(self, message: Dhcp6Message) -> None:
        """RFC 8415 16.3, 16.10: for us, and with a server's name; Malformed."""
        options = message.options
        server = wire.first(options, wire.OPTION_SERVER_ID)
        ours = wire.first(options, wire.OPTION_CLIENT_ID) == self.client_id
        if message.transaction != self._transaction or not server or len(server) > 130:
            return
        if not ours and (self.state != INFORMING or wire.first(options, wire.OPTION_CLIENT_ID) is not None):
            return
        for code, state in ((wire.OPTION_SOL_MAX_RT, SOLICITING), (wire.OPTION_INF_MAX_RT, INFORMING)):
            value = wire.first(options, code)
            if value is not None and len(value) == 4 and 60 <= int.from_bytes(value, "big") <= 86400:
                self._longest[state] = int.from_bytes(value, "big")
        if message.kind == wire.ADVERTISE and self.state == SOLICITING and self._sent:
            self._advertised(server, options)
        elif message.kind == wire.REPLY and self.state == INFORMING and self._sent:
            self._informed(options)
        elif message.kind == wire.REPLY and self.state in (REQUESTING, RENEWING, REBINDING):
            self._replied(server, options)

    def _association(self, options: list[wire.Option]) -> IdentityAssociation | None:
        for code, value in options:
            if code == wire.OPTION_IA_NA:
                association = IdentityAssociation.parse(value)
                late = 0 < association.t2_s < association.t1_s
                if association.iaid == self.iaid and not late:
                    return association
        return None

    def _usable(self, leased: LeasedAddress) -> bool:
        addr = leased.addr
        other = addr in self.nic.stack.local and addr not in self.addresses
        return not (is_multicast(addr) or is_any(addr) or is_link_local(addr) or is_loopback(addr) or other)

    def _advertised(self, server: bytes, options: list[wire.Option]) -> None:
        """18.2.9: the best of those that come in the first wait, then the first."""
        association = self._association(options)
        if association is None or wire.status(options) or association.status:
            return
        offered = [a for a in association.addresses if self._usable(a) and a.valid_s][:MAX_ADDRESSES]
        value = wire.first(options, wire.OPTION_PREFERENCE)
        preference = value[0] if value else 0
        if not offered or (self._offer is not None and self._offer[0] >= preference):
            return
        self._offer = (preference, server, offered)
        if preference == 255 or self._sent > 1:
            self._take_offer()

    def _take_offer(self) -> None:
        if self._offer is not None:
            self.server = self._offer[1]
            self._begin(REQUESTING)

    def _replied(self, server: bytes, options: list[wire.Option]) -> None:
        """18.2.10.1."""
        if self.state != REBINDING and server != self.server:
            return
        association = self._association(options)
        outcome = wire.status(options) or (association.status if association is not None else wire.NO_ADDRESSES)
        if outcome == wire.NO_BINDING and self.state != REQUESTING:
            self._offer = (0, server, list(self.addresses.values()))
            self.server = server
            self._begin(REQUESTING)
            return
        if outcome or association is None:
            if self.state == REQUESTING:
                self._drop(list(self.addresses))
                self._begin(SOLICITING, MAX_DELAY)
            return  # a renewal goes on being sent
        granted = [a for a in association.addresses if self._usable(a)][:MAX_ADDRESSES]
        if not any(a.valid_s for a in granted) and self.state == REQUESTING:
            self._begin(SOLICITING, MAX_DELAY)
            return
        self.server = server
        self._bind(association, granted)
        self._take_dns(options)

    def _informed(self, options: list[wire.Option]) -> None:
        """18.2.10.4; asked again when it is old (RFC 8415 21.23)."""
        self._take_dns(options)
        value = wire.first(options, wire.OPTION_REFRESH_TIME)
        seconds = int.from_bytes(value, "big") if value is not None and len(value) == 4 else REFRESH
        self.state = INFORMED
        if seconds == wire.FOREVER:
            self._timer.cancel()
        else:
            self._timer.arm(self._now() + max(seconds, MIN_REFRESH) * NS_PER_S)
        self._changed()

    def _take_dns(self, options: list[wire.Option]) -> None:
        value = wire.first(options, wire.OPTION_DNS)
        if value and len(value) % 16 == 0:
            found = [value[at : at + 16] for at in range(0, len(value), 16)][:3]
            known = [server for server in self.nic.dns_servers if len(server) == 4]
            self.nic.dns_servers = (known + found)[:3] if known else found

    # Addresses.

    def _bind(self, association: IdentityAssociation, granted: list[LeasedAddress]) -> None:
        now = self._bound_at = self._now()
        nic = self.nic
        for leased in granted:
            address = nic.addresses.get(leased.addr)
            if not leased.valid_s:
                self._drop([leased.addr])
                continue
            if address is None:
                address = nic.add_address(leased.addr, 128, dynamic=True)
                address.on_duplicate = self._declined
            self.addresses[leased.addr] = leased
            ever = leased.valid_s == wire.FOREVER
            address.valid_until = None if ever else now + leased.valid_s * NS_PER_S
            always = leased.preferred_s == wire.FOREVER
            address.preferred_until = None if always else now + leased.preferred_s * NS_PER_S
            address.deprecated = leased.preferred_s == 0
        nic.schedule_expiry()
        shortest = min([a.preferred_s for a in self.addresses.values()], default=0)
        self._t1 = self._point(association.t1_s, shortest * 5 // 10, shortest)
        self._t2 = self._point(association.t2_s, shortest * 8 // 10, shortest)
        self.state = BOUND
        if self._t1:
            self._timer.arm(now + self._t1)
        else:
            self._timer.cancel()
        self._changed()

    @staticmethod
    def _point(given: int, own: int, shortest: int) -> int:
        """T1 or T2 in ns; 0 leaves it to us (21.4), for ever is never. A server that wants to be asked without a break is
        asked each ten seconds."""
        seconds = given or (wire.FOREVER if shortest == wire.FOREVER else own)
        return 0 if seconds == wire.FOREVER else max(seconds, 10) * NS_PER_S

    def _declined(self, addr: bytes) -> None:
        """Somebody else has an address that was given to us (18.2.8): the server is told, and asked for another."""
        leased = self.addresses.pop(addr, None)
        if leased is None:
            return
        self._transaction = self.nic.stack.random.getrandbits(24)
        self._sent = 0
        self._send(wire.DECLINE, [leased], self.server)
        if not self.addresses:
            self._begin(SOLICITING, 10 * MAX_DELAY)
        self._changed()

    def _drop(self, gone: list[bytes]) -> None:
        for addr in gone:
            self.addresses.pop(addr, None)
            if addr in self.nic.addresses:
                self.nic.remove_address(addr)
        if gone:
            self._changed()

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()

    # Time.

    def _expired(self) -> None:
        now, state = self._now(), self.state
        if state == SOLICITING and self._offer is not None:
            self._take_offer()
        elif state == REQUESTING and self._sent >= MAX_REQUESTS:
            self._begin(SOLICITING, MAX_DELAY)
        elif state == BOUND:
            self._begin(RENEWING)
        elif state == RENEWING and now >= self._end_of_state():
            self._begin(REBINDING)
        elif state == REBINDING and now >= self._end_of_state():
            self._drop(list(self.addresses))
            self._begin(SOLICITING, MAX_DELAY)
        elif state == INFORMED:
            self._begin(INFORMING)
        elif state in _KINDS:
            self._transmit()
