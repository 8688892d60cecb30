"""Rules, chains and the four tables, as iptables(8) has them; one set for IPv4 and IPv6."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.filter.match import Match
from tcpip.native import mypyc_attr

if TYPE_CHECKING:
    from tcpip.filter.netfilter import Netfilter
    from tcpip.filter.packet import FilteredPacket

PREROUTING: Final = "prerouting"
INPUT: Final = "input"
FORWARD: Final = "forward"
OUTPUT: Final = "output"
POSTROUTING: Final = "postrouting"

CONTINUE: Final = 0
ACCEPT: Final = 1
DROP: Final = 2
RETURN: Final = 3

MAX_DEPTH: Final = 16
"""Chains that may call each other; deeper ones drop the packet."""

_HOOKS: Final = {
    "raw": (PREROUTING, OUTPUT),
    "mangle": (PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING),
    "nat": (PREROUTING, INPUT, OUTPUT, POSTROUTING),
    "filter": (INPUT, FORWARD, OUTPUT),
}


@mypyc_attr(allow_interpreted_subclasses=True)
class Target:
    """What a rule does. `tables` and `hooks`: where it may stand; empty for anywhere."""

    def __init__(self, tables: tuple[str, ...] = (), hooks: tuple[str, ...] = ()) -> None:
        self.tables = tables
        self.hooks = hooks

    @abstractmethod
    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        """CONTINUE with the next rule, RETURN to the calling chain, ACCEPT or DROP."""


class Rule:
    """`target` for packets for which every match holds; without a target it only counts."""

    __slots__ = ("matches", "target", "comment", "packets", "bytes")

    def __init__(self, matches: Sequence[Match] = (), target: Target | None = None, comment: str = "") -> None:
        self.matches = tuple(matches)
        self.target = target
        self.comment = comment
        self.packets = 0
        self.bytes = 0

    def fits(self, pkt: FilteredPacket) -> bool:
        """Every match holds; then the packet is counted."""
        for match in self.matches:
            if not match.matches(pkt):
                return False
        self.packets += 1
        self.bytes += pkt.length
        return True


class Chain:
    """Rules in order. A built-in chain has a `hook`, and a `policy` for what no rule decides: ACCEPT or DROP."""

    __slots__ = ("table", "name", "hook", "policy", "rules", "packets", "bytes")

    def __init__(self, table: str, name: str, hook: str = "") -> None:
        self.table = table
        self.name = name
        self.hook = hook
        self.policy = ACCEPT
        self.rules: list[Rule] = []
        self.packets = 0
        self.bytes = 0

    def append(self, *rules: Rule) -> None:
        """At the end. INVALID_ARGUMENT for a target that has no business here."""
        for rule in rules:
            self.insert(len(self.rules), rule)

    def insert(self, index: int, rule: Rule) -> None:
        """Before the rule of that number, from 0."""
        target = rule.target
        if target is not None:
            wrong_table = target.tables and self.table not in target.tables
            if wrong_table or (self.hook and target.hooks and self.hook not in target.hooks):
                raise NetworkError(errors.INVALID_ARGUMENT)
        self.rules.insert(index, rule)

    def passes(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> bool:
        """Of a built-in chain: the packet may go on."""
        if not self.rules and self.policy == ACCEPT:
            return True
        return self.run(pkt, hook, owner) != DROP

    def run(self, pkt: FilteredPacket, hook: str, owner: Netfilter, depth: int = 0) -> int:
        """CONTINUE when no rule has decided; at a built-in chain's end the policy does, elsewhere the caller goes on."""
        if depth > MAX_DEPTH:
            return DROP
        for rule in self.rules:
            if not rule.fits(pkt) or rule.target is None:
                continue
            target = rule.target
            if isinstance(target, Jump):
                verdict = target.chain.run(pkt, hook, owner, depth + 1)
            elif target.hooks and hook not in target.hooks:
                return DROP  # reached through a user's chain
            else:
                verdict = target.apply(pkt, hook, owner)
            if verdict == RETURN:
                break
            if verdict != CONTINUE:
                return verdict
        if self.hook:
            self.packets += 1
            self.bytes += pkt.length
            return self.policy
        return CONTINUE


class Jump(Target):
    """Go on in a chain of the user's, and come back."""

    def __init__(self, chain: Chain) -> None:
        super().__init__()
        self.chain = chain

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        return self.chain.run(pkt, hook, owner)


class Table:
    """Built-in chains by hook, and the user's by name."""

    __slots__ = ("name", "chains")

    def __init__(self, name: str) -> None:
        self.name = name
        self.chains = {hook: Chain(name, hook, hook) for hook in _HOOKS[name]}

    def __getitem__(self, name: str) -> Chain:
        return self.chains[name]

    def new_chain(self, name: str) -> Chain:
        """A chain to jump to. ADDRESS_IN_USE when there is one of that name."""
        if name in self.chains:
            raise NetworkError(errors.ADDRESS_IN_USE)
        chain = self.chains[name] = Chain(self.name, name)
        return chain
