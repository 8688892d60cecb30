"""EgressGuard: the policy applied to addresses, with the one line that says what was refused and how to allow it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Callable, Final

from sandbox.gateway import address_plan as plan
from sandbox.gateway.counters import Counters
from sandbox.gateway.pins import NamePins
from sandbox.gateway.policy import HOST_NAME, Policy, never_leaves, protocol_name, suggest
from tcpip.addr import text
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP

MAX_ASKERS: Final = 1024
MAX_LINES: Final = 200  # different refusals that are logged; later ones are only counted
DNS_PORT: Final = 53


class EgressGuard:
    """`warn` gets the log lines. `internal`: a network without an outside, where no flag would help.
    `own_network`: the addresses of address_plan.py have their meaning."""

    def __init__(
        self,
        policy: Policy,
        pins: NamePins,
        counters: Counters,
        warn: Callable[[str], None],
        internal: bool = False,
        own_network: bool = True,
    ) -> None:
        self.policy = policy
        self.pins = pins
        self.counters = counters
        self.internal = internal
        self.own = plan.OWN if own_network else frozenset()
        self.host = plan.HOST if own_network else frozenset()
        self.on_verdict: Callable[[bool, str, str, str, int], None] | None = None  # allowed, who, protocol, host, port
        self._warn = warn
        self._seen: set[tuple[str, int, str, int]] = set()
        self._askers: OrderedDict[tuple[int, int], str] = OrderedDict()

    def change(self, policy: Policy) -> None:
        """Other rules from now on; what they refuse is said, even where it was said before."""
        self.policy = policy
        self._seen.clear()

    def permits(self, protocol: int, address: bytes, port: int) -> bool:
        """A packet of the guest may go to `address`: the own network's services, or what the policy says."""
        if address in self.own:
            return True
        if address in self.host:
            return not self.internal and self.policy.permits_host(protocol, port)
        if self.internal or (self.own and plan.in_own_network(address)):
            return False
        return self.policy.permits(protocol, address, port, self.pins.names(address))

    def permits_somehow(self, protocol: int, address: bytes) -> bool:
        """Some port of `address` is allowed: what can be asked of a fragment without ports."""
        return self.policy.permits_somehow(protocol, address)

    def permits_name(self, name: str) -> bool:
        """A DNS name of the outside may be resolved."""
        return not self.internal and self.policy.permits_name(name)

    def allowed(self, who: str, protocol: int, address: bytes, port: int) -> None:
        """For who wants to know."""
        if self.on_verdict is not None:
            names = (HOST_NAME,) if address in self.host else self.pins.names(address)
            self.on_verdict(True, who, protocol_name(protocol), names[-1] if names else text(address), port)

    def refused(self, who: str, protocol: int, address: bytes, port: int) -> None:
        """Count and log; `who` is "" for a packet that no socket of the guest's asked for."""
        self.counters.denials += 1
        names = (HOST_NAME,) if address in self.host else self.pins.names(address)
        target = names[-1] if names else text(address)
        what = protocol_name(protocol)
        if self.on_verdict is not None:
            self.on_verdict(False, who, what, target, port)
        # A program is not to fill the log: one line for each program and destination.
        key = (who.partition(" ")[2] or who, protocol, target, port)
        if key in self._seen or len(self._seen) > MAX_LINES:
            return
        self._seen.add(key)
        where = f"{what} {target}" if not port else f"{what} {target}:{port}"
        if names:
            where += f" ({text(address)})"
        self._warn(
            f"denied: {who or 'a packet without a socket'}: {where}{self._advice(protocol, target, port, address)}"
        )
        if len(self._seen) > MAX_LINES:
            self._warn("denied: more destinations than are logged; the rest is only counted")

    def _advice(self, protocol: int, target: str, port: int, address: bytes) -> str:
        if self.internal:
            return "; this network has no outside (--network user with --allow would)"
        if never_leaves(address) or (self.own and plan.in_own_network(address) and address not in self.host):
            return "; nothing is there"
        if protocol not in (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6):
            return "; only tcp, udp and icmp are carried"
        return f"; to allow it: {suggest(protocol, target, port)}"

    def refused_name(self, who: str, name: str) -> None:
        """A DNS query for a name that is not allowed."""
        self.counters.denials += 1
        if self.on_verdict is not None:
            self.on_verdict(False, who, "name", name, DNS_PORT)
        key = (who.partition(" ")[2] or who, 0, name, DNS_PORT)
        if key in self._seen or len(self._seen) > MAX_LINES:
            return
        self._seen.add(key)
        advice = "this network has no outside" if self.internal else f"to allow it: --allow {name}"
        self._warn(f"denied: {who or 'a packet without a socket'}: name {name}; {advice}")

    # --- who asked the name service ---

    def note_asker(self, protocol: int, local_port: int, who: str) -> None:
        """A socket at `local_port` talks to the name service."""
        self._askers[protocol, local_port] = who
        self._askers.move_to_end((protocol, local_port))
        if len(self._askers) > MAX_ASKERS:
            self._askers.popitem(last=False)

    def asker(self, protocol: int, local_port: int) -> str:
        """Who that was last, "" when unknown."""
        return self._askers.get((protocol, local_port), "")
