"""Addresses that a NIC makes for itself from advertised prefixes: which identifiers, for how long, and temporary ones.

Implements: RFC 4862 5.5.3, RFC 7217 (stable identifiers that do not show the MAC), RFC 8981 (temporary addresses),
RFC 5453 (reserved identifiers). The settings are named and numbered as Linux's net.ipv6.conf.* (Documentation/networking/
ip-sysctl.rst); source of behaviour: net/ipv6/addrconf.c.
Deviates: identifiers are made with BLAKE2s where Linux takes SHA-1, so that they differ from a Linux host's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tcpip.addr import eui64_address
from tcpip.clock import NS_PER_S
from tcpip.keyed_hash import blake2s

if TYPE_CHECKING:
    from tcpip.header.ndp import PrefixInfo
    from tcpip.stack.address import NicAddress
    from tcpip.stack.nic import Nic

EUI64: Final = 0
NO_LINK_LOCAL: Final = 1
STABLE_PRIVACY: Final = 2
RANDOM: Final = 3

MAX_SLAAC_ADDRESSES: Final = 16
MAX_TEMPORARY: Final = 64
IDGEN_RETRIES: Final = 3
IDGEN_DELAY: Final = NS_PER_S
"""RFC 7217 7."""
FOREVER: Final = 0xFFFFFFFF
TWO_HOURS: Final = 7200
_LINK_LOCAL: Final = b"\xfe\x80" + bytes(6)


class Autoconf:
    """`addr_gen_mode` EUI64, NO_LINK_LOCAL, STABLE_PRIVACY or RANDOM; `stable_secret` any bytes, drawn when it is empty.
    `use_tempaddr`: above 0 there are temporary addresses, above 1 they are preferred as sources. `temp_valid_lft`,
    `temp_prefered_lft`, `max_desync_factor` seconds. `managed` and `other`: what the last advertisement's M and O flags
    said; `on_flags` is called with each. What advertisements may do: `enabled` addresses, `accept_defrtr` default routes,
    `accept_mtu`, `accept_pinfo` prefixes. `token`: what advertised addresses end in, 8 bytes (ip-token(8)). `dad_transmits` probes, none without `accept_dad`; at most `max_addresses`."""

    __slots__ = (
        "nic",
        "addr_gen_mode",
        "stable_secret",
        "use_tempaddr",
        "temp_valid_lft",
        "temp_prefered_lft",
        "max_desync_factor",
        "regen_max_retry",
        "enabled",
        "accept_dad",
        "dad_transmits",
        "accept_defrtr",
        "accept_mtu",
        "accept_pinfo",
        "max_addresses",
        "solicit_interval_ns",
        "token",
        "managed",
        "other",
        "on_flags",
        "_conflicts",
        "_desync",
        "_failures",
        "_timer",
    )

    def __init__(self, nic: Nic) -> None:
        self.nic = nic
        self.addr_gen_mode = EUI64
        self.stable_secret = b""
        self.use_tempaddr = 0
        self.temp_valid_lft = 604800
        self.temp_prefered_lft = 86400
        self.max_desync_factor = 600
        self.regen_max_retry = 3
        self.enabled = self.accept_defrtr = self.accept_mtu = self.accept_pinfo = True
        self.accept_dad = True
        self.dad_transmits = 1
        self.max_addresses = MAX_SLAAC_ADDRESSES
        self.solicit_interval_ns = 4 * NS_PER_S
        self.token = b""
        self.managed = self.other = False
        self.on_flags: Callable[[], None] | None = None
        self._conflicts: dict[bytes, int] = {}  # by prefix: RFC 7217's DAD_Counter
        self._desync = -1
        self._failures = 0  # temporary addresses in a row that somebody else had
        self._timer = nic.stack.timers.timer(self._regenerate)

    def probes(self) -> bool:
        """Duplicates are looked for."""
        return self.accept_dad and self.dad_transmits > 0

    # Identifiers.

    def address_in(self, prefix: bytes) -> bytes:
        """This NIC's address in a /64; empty when the retries for a stable one are used up."""
        if self.addr_gen_mode not in (STABLE_PRIVACY, RANDOM):
            return eui64_address(prefix, self.nic.mac)
        if not self.stable_secret:
            self.stable_secret = self.nic.stack.random.getrandbits(128).to_bytes(16, "big")
        for count in range(self._conflicts.get(prefix[:8], 0), IDGEN_RETRIES + 1):
            text = self.stable_secret + prefix[:8] + self.nic.mac + bytes((count,))
            identifier = blake2s(text).digest()[:8]
            if not reserved(identifier):
                return prefix[:8] + identifier
        return b""

    def link_local(self) -> bytes:
        """The address in fe80::/64, empty when there is to be none."""
        return b"" if self.addr_gen_mode == NO_LINK_LOCAL else self.address_in(_LINK_LOCAL)

    # Advertisements.

    def flags_seen(self, managed: bool, other: bool) -> None:
        """Of a router advertisement (RFC 4861 4.2)."""
        self.managed, self.other = managed, other
        if self.on_flags is not None:
            self.on_flags()

    def set_token(self, token: bytes) -> None:
        """Empty: none. Addresses with the one before go, and routers are asked for new ones (inet6_set_iftoken)."""
        nic, old = self.nic, self.token
        self.token = token
        gone = [a.addr for a in nic.addresses.values() if a.dynamic and not a.temporary and old and a.addr[8:] == old]
        for addr in gone:
            nic.remove_address(addr)
        if nic.up:
            from tcpip.network import ndp

            ndp.solicit_routers(nic)

    def prefix_seen(self, prefix: PrefixInfo) -> None:
        """RFC 4862 5.5.3 (d), (e): a new address, or new lifetimes; never below two hours by a stranger's word."""
        nic = self.nic
        addr = prefix.prefix[:8] + self.token if self.token else self.address_in(prefix.prefix)
        address = nic.addresses.get(addr)
        if address is None:
            dynamic = sum(1 for a in nic.addresses.values() if a.dynamic and not a.temporary)
            taken = (nic.number, addr) in nic.stack.duplicates
            if not addr or prefix.valid_s == 0 or dynamic >= (self.max_addresses or MAX_SLAAC_ADDRESSES) or taken:
                return
            address = nic.add_address(addr, 64, dynamic=True)
            address.valid_until = self._until(prefix.valid_s)
        elif not address.dynamic:
            return
        else:
            remaining = None if address.valid_until is None else (address.valid_until - self._now()) // NS_PER_S
            if prefix.valid_s > TWO_HOURS or (remaining is not None and prefix.valid_s > remaining):
                address.valid_until = self._until(prefix.valid_s)
            elif remaining is None or remaining > TWO_HOURS:
                address.valid_until = self._until(TWO_HOURS)
        address.preferred_until = self._until(prefix.preferred_s)
        address.deprecated = prefix.preferred_s == 0
        self._refresh_temporary(address)
        nic.schedule_expiry()

    def _now(self) -> int:
        return self.nic.stack.clock.now_ns()

    def _until(self, seconds: int) -> int | None:
        return None if seconds == FOREVER else self._now() + seconds * NS_PER_S

    # Temporary addresses.

    def _advance(self) -> int:
        """How long before the end of one the next is made (RFC 8981 3.8), ns."""
        return self.regen_max_retry * max(self.nic.retrans_ns, NS_PER_S // 100)

    def _desynchronized(self) -> int:
        """DESYNC_FACTOR, ns: drawn once."""
        if self._desync < 0:
            most = min(self.max_desync_factor * NS_PER_S, self.temp_prefered_lft * NS_PER_S - self._advance())
            self._desync = self.nic.stack.random.randrange(max(most, 0) + 1)
        return self._desync

    def _limit(self, temporary: NicAddress, public: NicAddress) -> None:
        """Its own lifetimes, or what is left of the prefix's (RFC 8981 3.4)."""
        valid = temporary.created + self.temp_valid_lft * NS_PER_S
        preferred = temporary.created + self.temp_prefered_lft * NS_PER_S - self._desynchronized()
        temporary.valid_until = valid if public.valid_until is None else min(valid, public.valid_until)
        temporary.preferred_until = (
            preferred if public.preferred_until is None else min(preferred, public.preferred_until)
        )
        temporary.deprecated = public.deprecated or temporary.preferred_until <= self._now()

    def _refresh_temporary(self, public: NicAddress) -> None:
        ours = [a for a in self.nic.addresses.values() if a.temporary and a.public == public.addr]
        for address in ours:
            self._limit(address, public)
        if not any(not a.deprecated for a in ours):
            self._add_temporary(public)
        self._arm()

    def _add_temporary(self, public: NicAddress) -> None:
        nic = self.nic
        count = sum(1 for a in nic.addresses.values() if a.temporary)
        if self.use_tempaddr <= 0 or public.deprecated or count >= MAX_TEMPORARY:
            return
        now = self._now()
        until = public.preferred_until
        span = self.temp_prefered_lft * NS_PER_S - self._desynchronized()
        if (span if until is None else min(span, until - now)) <= self._advance():
            return
        identifier = b""
        while not identifier or reserved(identifier) or public.addr[:8] + identifier in nic.addresses:
            identifier = nic.stack.random.getrandbits(64).to_bytes(8, "big")
        address = nic.add_address(public.addr[:8] + identifier, 64, dynamic=True)
        address.temporary, address.public, address.created = True, public.addr, now
        self._limit(address, public)
        nic.schedule_expiry()

    def _arm(self) -> None:
        advance = self._advance()
        ends = [
            a.preferred_until - advance
            for a in self.nic.addresses.values()
            if a.temporary and not a.renewed and a.preferred_until is not None
        ]
        if ends:
            self._timer.arm(min(ends))

    def _regenerate(self) -> None:
        """Make successors of those that are about to be deprecated."""
        now, advance = self._now(), self._advance()
        for address in list(self.nic.addresses.values()):
            due = address.temporary and not address.renewed and address.preferred_until is not None
            if due and address.preferred_until is not None and address.preferred_until - advance <= now:
                address.renewed = True
                public = self.nic.addresses.get(address.public)
                if public is not None:
                    self._add_temporary(public)
        self._arm()

    # Conflicts.

    def duplicate(self, address: NicAddress) -> None:
        """Somebody else has an address that was tried: another identifier is (RFC 7217 6, RFC 8981 3.4)."""
        if address.temporary:
            self._failures += 1
            public = self.nic.addresses.get(address.public)
            if self._failures < self.regen_max_retry and public is not None:
                self._add_temporary(public)
                self._arm()
            return
        prefix = address.addr[:8]
        made = address.dynamic or prefix == _LINK_LOCAL
        count = self._conflicts.get(prefix, 0) + 1
        if not made or self.addr_gen_mode not in (STABLE_PRIVACY, RANDOM) or count > IDGEN_RETRIES:
            return
        if prefix not in self._conflicts and len(self._conflicts) > MAX_SLAAC_ADDRESSES:
            return
        self._conflicts[prefix] = count
        self.nic.stack.timers.after(self._now() + IDGEN_DELAY, _Again(self, address).run)

    def confirmed(self, address: NicAddress) -> None:
        """Nobody objects to an address."""
        if address.temporary:
            self._failures = 0


class _Again:
    """Another try for an address that somebody else has."""

    __slots__ = ("autoconf", "old")

    def __init__(self, autoconf: Autoconf, old: NicAddress) -> None:
        self.autoconf = autoconf
        self.old = old

    def run(self) -> None:
        nic, old = self.autoconf.nic, self.old
        addr = self.autoconf.address_in(old.addr)
        gone = old.valid_until is not None and old.valid_until <= nic.stack.clock.now_ns()
        if not addr or addr in nic.addresses or gone or nic.stack.nics.get(nic.number) is not nic:
            return
        address = nic.add_address(addr, 64, dynamic=old.dynamic)
        address.valid_until, address.preferred_until = old.valid_until, old.preferred_until
        nic.schedule_expiry()


def reserved(identifier: bytes) -> bool:
    """RFC 5453: subnet-router anycast, Ethernet-block and subnet anycast identifiers."""
    return (
        not any(identifier)
        or b"\x02\0\x5e\xff\xfe\0\0\0" <= identifier <= b"\x02\0\x5e\xff\xfe\0\x52\x13"
        or identifier >= b"\xfd\xff\xff\xff\xff\xff\xff\x80"
        and identifier <= b"\xfd\xff\xff\xff\xff\xff\xff\xff"
    )
