"""A DHCP client for one NIC: it gets a lease, checks that nobody has the address, keeps the lease, gives it back.

Driven by the stack's timers and packets, like everything of the stack. The states are the RFC's figure 5, with
CHECKING for conflict detection between REQUESTING and BOUND.
Implements: RFC 2131 3, 4.4; RFC 2132; RFC 3442; RFC 5227 2.1 before an address is used, 2.4 while it is.
Deviates: the first offer that can be used is taken, without a wait for others; no random delay before the first message;
DHCPINFORM is not sent; a lease that the server does not confirm after a restart is not used for what is left of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tcpip.clock import NS_PER_S
from tcpip.config.dhcp_lease import Lease, is_host
from tcpip.config.dhcp_port import MAX_MESSAGE, DhcpPort
from tcpip.config.lease_on_nic import LeaseOnNic
from tcpip.header import dhcp as wire
from tcpip.header.dhcp import DhcpMessage
from tcpip.network.acd import ConflictDetector

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic

STOPPED: Final = 0
INIT: Final = 1
SELECTING: Final = 2
REQUESTING: Final = 3
REBOOTING: Final = 4
CHECKING: Final = 5
BOUND: Final = 6
RENEWING: Final = 7
REBINDING: Final = 8
STATE_NAMES: Final = (
    *("STOPPED", "INIT", "SELECTING", "REQUESTING"),
    *("REBOOTING", "CHECKING", "BOUND", "RENEWING", "REBINDING"),
)

FIRST_RETRY: Final = 4 * NS_PER_S
MAX_RETRY: Final = 64 * NS_PER_S
RETRY_JITTER: Final = NS_PER_S
MAX_REQUESTS: Final = 4
MIN_RENEWAL: Final = 60 * NS_PER_S
NAK_DELAY: Final = 3 * NS_PER_S
"""A server that offers and then refuses is not asked at its own pace."""
DECLINE_DELAY: Final = 10 * NS_PER_S
PARAMETERS: Final = bytes(
    (
        wire.OPTION_SUBNET_MASK,
        wire.OPTION_CLASSLESS_ROUTES,  # before the router option: RFC 3442
        wire.OPTION_ROUTER,
        wire.OPTION_DNS,
        wire.OPTION_DOMAIN_NAME,
        wire.OPTION_MTU,
        wire.OPTION_LEASE_TIME,
        wire.OPTION_T1,
        wire.OPTION_T2,
    )
)


class DhcpClient:
    """`start` it, and `stop` it before the NIC goes. `lease` is what is in use, None without an address.

    `remembered`: the address of an earlier lease, which is asked for first (INIT-REBOOT). `on_change` is called when
    an address has come or gone.
    """

    def __init__(self, nic: Nic, host_name: str = "", remembered: bytes = b"") -> None:
        self.nic = nic
        self.host_name = host_name
        self.remembered = remembered
        self.state = STOPPED
        self.lease: Lease | None = None
        self.on_change: Callable[[], None] | None = None
        self._port: DhcpPort | None = None
        self._applied: LeaseOnNic | None = None
        self._detector: ConflictDetector | None = None
        self._offer: Lease | None = None
        self._timer = nic.stack.timers.timer(self._expired)
        self._xid = 0
        self._began = 0
        self._secs = 0
        self._asked_at = 0
        self._bound_at = 0
        self._sent = 0

    def start(self) -> None:
        """Look for a server. ADDRESS_IN_USE when port 68 is taken."""
        if self.state != STOPPED:
            return
        self._port = DhcpPort(self.nic, self._received)
        self._begin(REBOOTING if self.remembered else SELECTING)

    def stop(self, release: bool = True) -> None:
        """Give the address up; with `release` the server hears of it."""
        lease = self.lease
        if release and lease is not None and self._port is not None:
            message = self._message(wire.RELEASE, {wire.OPTION_SERVER_ID: lease.server})
            message.ciaddr = lease.addr
            self._port.unicast(message, lease.addr, lease.server)
        self._drop_lease()
        self._timer.cancel()
        self.state = STOPPED
        if self._port is not None:
            self._port.close()
            self._port = None

    # Asking.

    def _begin(self, state: int = SELECTING) -> None:
        """From INIT or INIT-REBOOT on."""
        self._xid = self.nic.stack.random.getrandbits(32)
        self._began = self._now()
        self._sent = 0
        self._offer = None
        self.state = state
        self._transmit()

    def _begin_later(self, delay: int) -> None:
        self.state = INIT
        self._arm(delay)

    def _transmit(self) -> None:
        """The message of the state that we are in, and when to send it again."""
        port = self._port
        if port is None:
            return
        now = self._now()
        if self.state in (SELECTING, REBOOTING):
            self._secs = min((now - self._began) // NS_PER_S, 0xFFFF)
        self._sent += 1
        if self._sent == 1:
            self._asked_at = now
        if self.state == SELECTING:
            port.broadcast(self._message(wire.DISCOVER, self._wishes()))
        elif self.state == REBOOTING:
            port.broadcast(self._message(wire.REQUEST, {wire.OPTION_REQUESTED_ADDRESS: self.remembered}))
        elif self.state == REQUESTING and self._offer is not None:
            asked = {wire.OPTION_REQUESTED_ADDRESS: self._offer.addr, wire.OPTION_SERVER_ID: self._offer.server}
            port.broadcast(self._message(wire.REQUEST, asked))
        retry = min(FIRST_RETRY << min(self._sent - 1, 6), MAX_RETRY)
        self._arm(retry - RETRY_JITTER + self.nic.stack.random.randrange(2 * RETRY_JITTER + 1))

    def _wishes(self) -> dict[int, bytes]:
        return {wire.OPTION_REQUESTED_ADDRESS: self.remembered} if self.remembered else {}

    def _message(self, kind: int, options: dict[int, bytes]) -> DhcpMessage:
        """RFC 2131 table 5. The server is asked to broadcast while we have no address."""
        values = {wire.OPTION_MESSAGE_TYPE: bytes((kind,)), wire.OPTION_CLIENT_ID: b"\x01" + self.nic.mac} | options
        if kind in (wire.DISCOVER, wire.REQUEST):
            values[wire.OPTION_MAX_SIZE] = MAX_MESSAGE.to_bytes(2, "big")
            if self.host_name:
                values[wire.OPTION_HOST_NAME] = self.host_name.encode("ascii", "replace")[:63]
            values[wire.OPTION_PARAMETER_LIST] = PARAMETERS
        message = DhcpMessage(wire.BOOTREQUEST, self._xid, self.nic.mac, values)
        message.secs = self._secs
        if kind in (wire.DISCOVER, wire.REQUEST) and self.lease is None:
            message.flags = wire.FLAG_BROADCAST
        return message

    # Answers.

    def _received(self, message: DhcpMessage) -> None:
        if message.op != wire.BOOTREPLY or message.xid != self._xid or message.chaddr != self.nic.mac:
            return
        kind = message.message_type()
        if kind == wire.OFFER and self.state == SELECTING:
            self._offered(message)
        elif kind == wire.ACK and self.state in (REQUESTING, REBOOTING, RENEWING, REBINDING):
            self._acknowledged(message)
        elif kind == wire.NAK and self.state in (REQUESTING, REBOOTING, RENEWING, REBINDING):
            self._refused(message)

    def _offered(self, message: DhcpMessage) -> None:
        offer = Lease.parse(message)
        if offer is None or self._taken_elsewhere(offer.addr):
            return
        self._offer = offer
        self.state = REQUESTING
        self._sent = 0
        self._transmit()

    def _acknowledged(self, message: DhcpMessage) -> None:
        granted = Lease.parse(message)
        if granted is None:
            return
        if self.lease is not None:
            if granted.addr == self.lease.addr:
                self._bind(granted)
            return
        expected = self.remembered if self._offer is None else self._offer.addr
        if granted.addr != expected or (self._offer is not None and granted.server != self._offer.server):
            return
        if self._taken_elsewhere(granted.addr):
            return
        self._timer.cancel()
        self._offer = granted
        self.state = CHECKING
        self._detector = ConflictDetector(self.nic, granted.addr, self._checked, self._conflict)
        self._detector.start()

    def _taken_elsewhere(self, addr: bytes) -> bool:
        """An address that this host has already is no lease for it."""
        return addr in self.nic.addresses or self.nic.stack.is_local(addr)

    def _refused(self, message: DhcpMessage) -> None:
        server = message.options.get(wire.OPTION_SERVER_ID, b"")
        if len(server) != 4 or not is_host(server):
            return
        if self.state == REQUESTING and self._offer is not None and server != self._offer.server:
            return
        self.remembered = b""
        self._drop_lease()
        self._begin_later(NAK_DELAY)

    def _checked(self) -> None:
        if self._offer is None:
            return
        if self._taken_elsewhere(self._offer.addr):
            self._conflict()
        else:
            self._bind(self._offer)

    def _conflict(self) -> None:
        """Somebody has the address, or will not let go of it: RFC 2131 3.1 (5)."""
        lease = self.lease or self._offer
        if lease is not None and self._port is not None:
            asked = {wire.OPTION_REQUESTED_ADDRESS: lease.addr, wire.OPTION_SERVER_ID: lease.server}
            self._port.broadcast(self._message(wire.DECLINE, asked))
        self.remembered = b""
        self._drop_lease()
        self._begin_later(DECLINE_DELAY)

    # Having a lease.

    def _bind(self, lease: Lease) -> None:
        fresh = self.lease is None
        if self._applied is None:
            self._applied = LeaseOnNic(self.nic)
        self._applied.apply(lease)
        self.lease = lease
        self.remembered = lease.addr
        self._bound_at = self._asked_at
        self.state = BOUND
        if lease.infinite:
            self._timer.cancel()
        else:
            self._timer.arm(self._asked_at + lease.t1_ns())
        if fresh and self.on_change is not None:
            self.on_change()

    def _drop_lease(self) -> None:
        detector, self._detector = self._detector, None
        if detector is not None:
            detector.stop()
        had, self.lease, self._offer = self.lease, None, None
        if self._applied is not None:
            self._applied.undo()
            self._applied = None
        if had is not None and self.on_change is not None:
            self.on_change()

    def _renew(self, lease: Lease) -> None:
        """RFC 2131 4.4.5: ask again after half of the time that is left, but not within a minute."""
        now, port = self._now(), self._port
        end = self._bound_at + (lease.t2_ns() if self.state == RENEWING else lease.lease_ns())
        self._xid = self.nic.stack.random.getrandbits(32)
        self._asked_at = now
        message = self._message(wire.REQUEST, {})
        message.ciaddr = lease.addr
        message.secs = min((now - self._began) // NS_PER_S, 0xFFFF)
        if port is not None and self.state == RENEWING:
            port.unicast(message, lease.addr, lease.server)
        elif port is not None:
            port.broadcast(message, lease.addr)
        self._timer.arm(min(now + max((end - now) // 2, MIN_RENEWAL), end))

    # Time.

    def _now(self) -> int:
        return self.nic.stack.clock.now_ns()

    def _arm(self, after: int) -> None:
        self._timer.arm(self._now() + after)

    def _expired(self) -> None:
        lease = self.lease
        if lease is None:
            if self.state == INIT or self.state in (REQUESTING, REBOOTING) and self._sent >= MAX_REQUESTS:
                self._begin()
            else:
                self._transmit()
            return
        now = self._now()
        if self.state == BOUND:
            self._began = now
        if now >= self._bound_at + lease.lease_ns():
            self._drop_lease()
            self._begin()
            return
        self.state = REBINDING if now >= self._bound_at + lease.t2_ns() else RENEWING
        self._renew(lease)
