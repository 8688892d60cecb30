"""Policy routing: rules in order of their priority say which table a packet is looked up in.

Source: ip-rule(8), net/core/fib_rules.c. Rules begin as Linux's do: the local table at 0 (always first, and not in this
list: the addresses of the host are that table), main at 32766, default at 32767.
Deviates: no match on tunnels, realms and groups of interfaces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import in_prefix
from tcpip.errors import NetworkError
from tcpip.stack.route_flow import NO_FLOW, RouteFlow
from tcpip.stack.route_table import ERRORS, TABLE_DEFAULT, TABLE_MAIN, RouteEntry, RouteTable

if TYPE_CHECKING:
    from tcpip.errors import NetError

PRIORITY_MAIN: Final = 32766
PRIORITY_DEFAULT: Final = 32767
MAX_RULES: Final = 1024
_SINGLY: Final = 4  # tables that are asked one by one


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
    "goto",
    "tos",
    "ip_protocol",
    "sports",
    "dports",
    "uids",
)
NO_RANGE: Final = (0, 0)
NO_USERS: Final = (0, -1)


class RoutingRule:
    """One rule. `family` is 4 or 16, the length of the addresses it is for. Conditions that are empty or 0 hold always;
    `inverted` turns all of them around. `action` is "table", a kind of reject route, "nop", or "goto", which goes on at the
    first rule of priority `goto` and does nothing where there is none. `min_length`: what the table answers with a shorter
    prefix does not count (suppress_prefixlength). `sports`, `dports`, `uids`: the first and the last that fit; `protocol`: who
    has made the rule."""

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
        self.goto = 0
        self.tos = 0
        self.ip_protocol = 0
        self.sports: tuple[int, int] = NO_RANGE
        self.dports: tuple[int, int] = NO_RANGE
        self.uids: tuple[int, int] = NO_USERS

    def looks_at_flow(self) -> bool:
        """It has a condition that `RouteFlow` is for."""
        named = self.tos or self.ip_protocol or self.sports[0] or self.dports[0]
        return named != 0 or self.uids != NO_USERS

    def _fits(self, flow: RouteFlow) -> bool:
        return (
            (not self.tos or self.tos == flow.tos & 0xFC)
            and (not self.ip_protocol or self.ip_protocol == flow.protocol)
            and (not self.sports[0] or self.sports[0] <= flow.sport <= self.sports[1])
            and (not self.dports[0] or self.dports[0] <= flow.dport <= self.dports[1])
            and (self.uids == NO_USERS or self.uids[0] <= flow.uid <= self.uids[1])
        )

    def matches(self, dst: bytes, src: bytes, in_nic: str, out_nic: str, mark: int, flow: RouteFlow) -> bool:
        """`in_nic` is `lo` for what the host itself sends, `out_nic` empty when nothing is asked for, `src` empty when it
        is not chosen yet."""
        holds = (
            (not self.in_nic or self.in_nic == in_nic)
            and (not self.out_nic or self.out_nic == out_nic)
            and (not self.source_len or (src != b"" and in_prefix(src, self.source, self.source_len)))
            and (not self.target_len or in_prefix(dst, self.target, self.target_len))
            and (mark ^ self.mark) & self.mask == 0
            and self._fits(flow)
        )
        return holds != self.inverted


class RoutingRules:
    """The rules of a stack, both families. `plain`: nobody has changed them, main is looked at, then default. `detailed`: one
    looks at more than addresses, interfaces and marks, or a route does (`tos_decides`)."""

    __slots__ = ("rules", "plain", "detailed", "tos_decides", "_places")

    def __init__(self) -> None:
        self.rules: list[RoutingRule] = []
        for family in (4, 16):
            self.rules.append(_of_kernel(family, PRIORITY_MAIN, TABLE_MAIN))
        self.rules.append(_of_kernel(4, PRIORITY_DEFAULT, TABLE_DEFAULT))
        self.plain = True
        self.detailed = False
        self.tos_decides = False
        self._places: set[tuple[int, int]] = set()  # family and priority of each

    def add(self, rule: RoutingRule) -> None:
        """Behind those of the same priority. `Stack.changed` must follow."""
        self.rules.append(rule)
        self.rules.sort(key=_priority)
        self._changed()

    def remove(self, rule: RoutingRule) -> None:
        """Harmless when absent. `Stack.changed` must follow."""
        if rule in self.rules:
            self.rules.remove(rule)
            self._changed()

    def _changed(self) -> None:
        self.plain = False
        self.detailed = self.tos_decides or any([rule.looks_at_flow() for rule in self.rules])
        self._places = {(rule.family, rule.priority) for rule in self.rules}

    def look_at_tos(self) -> None:
        """There is a route for a type of service. `Stack.changed` must follow."""
        self.tos_decides = self.detailed = True

    def leads_somewhere(self, rule: RoutingRule) -> bool:
        """There is a rule where a `goto` goes on."""
        return (rule.family, rule.goto) in self._places

    def lookup(
        self,
        routes: RouteTable,
        dst: bytes,
        src: bytes,
        in_nic: str,
        out_nic: str,
        number: int,
        mark: int,
        flow: RouteFlow = NO_FLOW,
    ) -> RouteEntry | None:
        """The row that decides; None when no table has one. What a rejecting rule raises."""
        if self.plain:
            tos = flow.tos
            return routes.lookup(dst, number, TABLE_MAIN, tos) or routes.lookup(dst, number, TABLE_DEFAULT, tos)
        least = 0
        found: dict[int, RouteEntry | None] = {}
        for rule in self.rules:
            if rule.priority < least or rule.family != len(dst):
                continue
            if not rule.matches(dst, src, in_nic, out_nic, mark, flow):
                continue
            if rule.action == "goto":
                least = rule.goto if self.leads_somewhere(rule) else least
            elif rule.action == "table":
                entry = _ask(routes, dst, number, rule.table, flow.tos, found)
                if entry is not None and entry.kind != "throw" and entry.length >= rule.min_length:
                    return entry
            elif rule.action != "nop":
                raise NetworkError(_error(rule.action))
        return None


def _ask(
    routes: RouteTable, dst: bytes, number: int, table: int, tos: int, found: dict[int, RouteEntry | None]
) -> RouteEntry | None:
    """What a table answers, and `found` those that were asked before: the rows are walked a few times, however many rules
    there are."""
    if table not in found:
        if len(found) < _SINGLY:
            found[table] = routes.lookup(dst, number, table, tos)
        elif len(found) == _SINGLY:
            found.update(routes.lookup_all(dst, number, tos))
            found.setdefault(table, None)
    return found.get(table)


def _of_kernel(family: int, priority: int, table: int) -> RoutingRule:
    rule = RoutingRule(family, priority, table)
    rule.protocol = 2  # RTPROT_KERNEL
    return rule


def _priority(rule: RoutingRule) -> int:
    return rule.priority


def _error(action: str) -> NetError:
    """Rules differ from routes in one (net/ipv4/fib_rules.c:fib4_rule_action)."""
    return errors.NETWORK_UNREACHABLE if action == "unreachable" else ERRORS[action]
