"""Policy routing: rules in order of their priority say which table a packet is looked up in.

Source: ip-rule(8), net/core/fib_rules.c. Rules begin as Linux's do: the local table at 0 (always first, and not in this
list: the addresses of the host are that table), main at 32766, default at 32767.
Deviates: no match on TOS, ports, protocol and user, no `goto` and `nop`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import in_prefix
from tcpip.errors import NetworkError
from tcpip.stack.route_table import ERRORS, TABLE_DEFAULT, TABLE_MAIN, RouteEntry, RouteTable

if TYPE_CHECKING:
    from tcpip.errors import NetError

PRIORITY_MAIN: Final = 32766
PRIORITY_DEFAULT: Final = 32767
MAX_RULES: Final = 1024


FIELDS: Final = (
    "family",
    "priority",
    "action",
    "table",
    "source",
    "source_len",
    "target",
    "target_len",
    "in_nic",
    "out_nic",
    "mark",
    "mask",
    "inverted",
    "min_length",
    "protocol",
)


class RoutingRule:
    """One rule. `family` is 4 or 16, the length of the addresses it is for. Conditions that are empty or 0 hold always;
    `inverted` turns all of them around. `action` is "table", or a kind of reject route. `min_length`: what the table
    answers with a shorter prefix does not count (suppress_prefixlength)."""

    __slots__ = FIELDS

    def __init__(self, family: int, priority: int, table: int = TABLE_MAIN, action: str = "table") -> None:
        self.family = family
        self.priority = priority
        self.action = action
        self.table = table
        self.source = b""
        self.source_len = 0
        self.target = b""
        self.target_len = 0
        self.in_nic = ""
        self.out_nic = ""
        self.mark = 0
        self.mask = 0
        self.inverted = False
        self.min_length = 0
        self.protocol = 0

    def matches(self, dst: bytes, src: bytes, in_nic: str, out_nic: str, mark: int) -> bool:
        """`in_nic` is `lo` for what the host itself sends, `out_nic` empty when nothing is asked for, `src` empty when it
        is not chosen yet."""
        holds = (
            (not self.in_nic or self.in_nic == in_nic)
            and (not self.out_nic or self.out_nic == out_nic)
            and (not self.source_len or (src != b"" and in_prefix(src, self.source, self.source_len)))
            and (not self.target_len or in_prefix(dst, self.target, self.target_len))
            and (mark ^ self.mark) & self.mask == 0
        )
        return holds != self.inverted

    def same(self, other: RoutingRule) -> bool:
        """All of it is equal."""
        return all(getattr(self, name) == getattr(other, name) for name in FIELDS)


class RoutingRules:
    """The rules of a stack, both families. `plain`: nobody has changed them, main is looked at, then default."""

    __slots__ = ("rules", "plain")

    def __init__(self) -> None:
        self.rules: list[RoutingRule] = []
        for family in (4, 16):
            self.rules.append(_of_kernel(family, PRIORITY_MAIN, TABLE_MAIN))
        self.rules.append(_of_kernel(4, PRIORITY_DEFAULT, TABLE_DEFAULT))
        self.plain = True

    def add(self, rule: RoutingRule) -> None:
        """Behind those of the same priority. `Stack.changed` must follow."""
        self.rules.append(rule)
        self.rules.sort(key=_priority)
        self.plain = False

    def remove(self, rule: RoutingRule) -> None:
        """Harmless when absent. `Stack.changed` must follow."""
        if rule in self.rules:
            self.rules.remove(rule)
            self.plain = False

    def lookup(
        self, routes: RouteTable, dst: bytes, src: bytes, in_nic: str, out_nic: str, number: int, mark: int
    ) -> RouteEntry | None:
        """The row that decides; None when no table has one. What a rejecting rule raises."""
        if self.plain:
            return routes.lookup(dst, number) or routes.lookup(dst, number, TABLE_DEFAULT)
        for rule in self.rules:
            if rule.family != len(dst) or not rule.matches(dst, src, in_nic, out_nic, mark):
                continue
            if rule.action != "table":
                raise NetworkError(_error(rule.action))
            entry = routes.lookup(dst, number, rule.table)
            if entry is not None and entry.kind != "throw" and entry.length >= rule.min_length:
                return entry
        return None


def _of_kernel(family: int, priority: int, table: int) -> RoutingRule:
    rule = RoutingRule(family, priority, table)
    rule.protocol = 2  # RTPROT_KERNEL
    return rule


def _priority(rule: RoutingRule) -> int:
    return rule.priority


def _error(action: str) -> NetError:
    """Rules differ from routes in one (net/ipv4/fib_rules.c:fib4_rule_action)."""
    return errors.NETWORK_UNREACHABLE if action == "unreachable" else ERRORS[action]
