"""What the operator of a sandbox asks of its network while it runs: list, capture, impair, allow, deny."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.control.stream import STREAMS_MOST, OutStream
from sandbox.gateway.policy import Policy, PolicyError, parse_rule
from tcpip.addr import AF_INET, AF_INET6, text
from tcpip.link.base import Inbound, WrapperLink
from tcpip.link.impairment import Impairment, ImpairmentLink, apply_spec
from tcpip.link.pcapng import PcapngWriter
from tcpip.link.sniffer import SnifferLink

if TYPE_CHECKING:
    from sandbox.control.wire import Body
    from sandbox.gateway.network import Network
    from sandbox.kernel.kernel import Kernel
    from sandbox.reactor import Reactor
    from tcpip.stack.nic import Nic

RULES_MOST: Final = 1024
ROUTES_MOST: Final = 1024  # that are listed
DIRECTIONS: Final = ("both", "in", "out")


class OperatorError(Exception):
    """What cannot be done; one line."""


class Operator:
    """Of one network; made when the first question comes."""

    def __init__(self, kernel: Kernel, network: Network) -> None:
        self.kernel = kernel
        self.network = network
        self._bad: dict[Nic, ImpairmentLink] = {}
        self._specs: dict[Nic, str] = {}
        self._captures: dict[OutStream, list[tuple[Nic, SnifferLink]]] = {}

    def nics(self, name: str) -> list[Nic]:
        """That of a name, or all but the loopback; OperatorError when there is none."""
        stack = self.network.stack
        if name:
            found = [nic for nic in stack.nics.values() if nic.name == name]
        else:
            found = [nic for nic in stack.nics.values() if not nic.loopback]
        if not found:
            known = ", ".join(nic.name for nic in stack.nics.values())
            raise OperatorError(
                f"no interface {name!r}; there are {known}" if name else "no interface but the loopback"
            )
        return found

    def listing(self) -> Body:
        """Interfaces, routes, rules."""
        stack, guard = self.network.stack, self.network.guard
        interfaces: list[Body] = [
            {
                "name": nic.name,
                "mac": nic.mac.hex(":"),
                "mtu": nic.mtu,
                "up": nic.up,
                "addresses": [
                    f"{text(one.addr)}/{one.prefix_len}"
                    for family in (AF_INET, AF_INET6)
                    for one in nic.addresses_of(family)
                ],
                "captures": sum(any(one is nic for one, _ in pairs) for pairs in self._captures.values()),
                "impairment": self._specs.get(nic, ""),
            }
            for nic in stack.nics.values()
        ]
        routes: list[Body] = [
            {
                "destination": f"{text(entry.prefix)}/{entry.length}",
                "gateway": text(entry.gateway) if entry.gateway else "",
                "interface": entry.nic.name if entry.nic is not None else "",
                "metric": entry.metric,
            }
            for entry in stack.routes.entries[:ROUTES_MOST]
        ]
        rules = [rule.text for rule in guard.policy.rules] if guard is not None else None
        return {"kind": self.network.kind, "interfaces": interfaces, "routes": routes, "rules": rules}

    # --- impairments ---

    def impair(self, name: str, spec: str, direction: str) -> None:
        """Settings as impairment.py reads them, in place of those before; empty: none. OperatorError."""
        trial = Impairment()
        if spec:
            try:
                apply_spec(spec, trial)
            except ValueError as error:
                raise OperatorError(str(error)) from None
        for nic in self.nics(name):
            old = self._bad.pop(nic, None)
            self._specs.pop(nic, None)
            if old is not None:
                take_out(nic, old)
            if not spec:
                continue
            nic.flush()
            stack = nic.stack
            seed = int.from_bytes(self.kernel.random(8), "big")
            link = self._bad[nic] = ImpairmentLink(nic.link, stack.clock, stack.timers, seed)
            for settings, word in ((link.outbound, "in"), (link.inbound, "out")):
                if direction != word:
                    apply_spec(spec, settings)
            self._specs[nic] = spec if direction == "both" else f"{spec} ({direction})"
            nic.set_link(link)

    # --- captures ---

    def capture(self, reactor: Reactor, fd: int, name: str) -> None:
        """Packets from now on, as pcapng, until the reader hangs up. The descriptor is taken over. OperatorError."""
        nics = self.nics(name)
        if len(self._captures) >= STREAMS_MOST:
            raise OperatorError(f"there are {STREAMS_MOST} captures already")
        stream = OutStream(reactor, fd, lambda: self._end_capture(stream))
        writer = PcapngWriter(stream, "stackbox")
        pairs = self._captures[stream] = []
        for nic in nics:
            sniffer = SnifferLink(nic.link, writer, nic.stack.clock, nic.name)
            nic.set_link(sniffer)
            pairs.append((nic, sniffer))

    def _end_capture(self, stream: OutStream) -> None:
        for nic, sniffer in self._captures.pop(stream, ()):
            take_out(nic, sniffer)
        if stream.dropped:
            self.kernel.log.warning(f"a capture's reader was too slow for {stream.dropped} packets")

    # --- rules ---

    def allow(self, rule_text: str, nameservers: tuple[str, ...]) -> None:
        """One more rule; `nameservers`: the host's, for the first one with a name. OperatorError."""
        try:
            rule = parse_rule(rule_text)
        except PolicyError as error:
            raise OperatorError(str(error)) from None
        policy = self._policy()
        if len(policy.rules) >= RULES_MOST:
            raise OperatorError(f"there are {RULES_MOST} rules already")
        gateway = self.network.gateway
        if (rule.name or rule.suffix) and gateway is None:
            raise OperatorError(
                f"names need --network user; on `{self.network.kind}` only addresses, networks and * can be held"
            )
        if gateway is not None and (rule.name or rule.suffix or rule.any_host):
            gateway.ask(nameservers)
        if all(one.text != rule_text for one in policy.rules):
            self._set(Policy((*policy.rules, rule)))

    def deny(self, rule_text: str) -> None:
        """Take a rule back. OperatorError."""
        policy = self._policy()
        left = [rule for rule in policy.rules if rule.text != rule_text]
        if len(left) == len(policy.rules):
            known = ", ".join(rule.text for rule in policy.rules) or "none"
            raise OperatorError(f"no rule {rule_text!r}; there are: {known}")
        self._set(Policy(left))

    def _policy(self) -> Policy:
        guard = self.network.guard
        if guard is None or guard.internal:
            raise OperatorError(f"the network `{self.network.kind}` has no rules: it was started without --allow")
        return guard.policy

    def _set(self, policy: Policy) -> None:
        assert self.network.guard is not None
        self.network.guard.change(policy)


def take_out(nic: Nic, wrapper: WrapperLink) -> None:
    """A wrapper, wherever it is in the chain of the NIC's links."""
    nic.flush()
    if nic.link is wrapper:
        nic.set_link(wrapper.inner)
        return
    outer = nic.link
    while isinstance(outer, WrapperLink):
        if outer.inner is wrapper:
            outer.inner = wrapper.inner
            outer.inner.attach(Inbound(outer))
            return
        outer = outer.inner
