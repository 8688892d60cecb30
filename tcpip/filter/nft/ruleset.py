"""Tables, chains, rules and objects of one stack, and how a change of many steps is taken back.

Source: net/netfilter/nf_tables_api.c. Every step notes its opposite, so that a batch happens as a whole or not at all.
Bounded: all rulesets of the process together have `Budget.limit` tables, chains, rules, expressions, sets, elements and
objects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tcpip.errors import NetError, NetworkError
from tcpip.filter.nft.machine import ACCEPT, HOOKS, JUMP_STACK, BaseChainHook, Expression

if TYPE_CHECKING:
    from tcpip.filter.nft.sets import NftSet
    from tcpip.stack.stack import Stack

DORMANT: Final = 1
FILTER_TYPE: Final = "filter"
NAT_TYPE: Final = "nat"
ROUTE_TYPE: Final = "route"

OUT_OF_MEMORY: Final = NetError("OUT_OF_MEMORY", "no room for more rules")
TOO_DEEP: Final = NetError("TOO_DEEP", "chains call each other too deep, or in a circle")
WRONG_HOOK: Final = NetError("WRONG_HOOK", "an expression is not for this hook")


class Budget:
    """How much all rulesets together may hold."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0


BUDGET: Final = Budget(131072)
FAR: Final = 512  # from where a rule was known to be
MAX_BASE_CHAINS: Final = 1024
"""At one hook (MAX_HOOK_COUNT)."""
TOO_MANY_HOOKS: Final = NetError("TOO_MANY_HOOKS", "too many chains at a hook")


class Referenced:
    """What others refer to: `uses` counts them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.uses = 0
        self.handle = 0
        self.userdata = b""


class Table(Referenced):
    """`family` as nf_tables has it (NFPROTO_*)."""

    def __init__(self, family: int, name: str, flags: int) -> None:
        super().__init__(name)
        self.family = family
        self.flags = flags
        self.chains: dict[str, Chain] = {}
        self.sets: dict[str, NftSet] = {}
        self.objects: dict[tuple[str, int], NftObject] = {}
        self.by_handle: dict[int, Referenced] = {}  # chains, sets and objects
        self.last_handle = 0

    def new_handle(self) -> int:
        """The next handle of a chain, rule, set or object."""
        self.last_handle += 1
        return self.last_handle


class Chain(Referenced):
    """A base chain has `hook`, else that is empty. `counters` is None, or packets and bytes that met the policy."""

    def __init__(self, table: Table, name: str) -> None:
        super().__init__(name)
        self.table = table
        self.hook = ""
        self.type = ""
        self.priority = 0
        self.policy = ACCEPT
        self.flags = 0
        self.counters: tuple[int, int] | None = None
        self.rules: list[Rule] = []
        self.by_handle: dict[int, Rule] = {}
        self.entry: BaseChainHook | None = None

    def place(self, rule: Rule) -> int:
        """Where a rule is. Others have come and gone since that was known: when very many have, it is known anew of all."""
        rules = self.rules
        try:
            return rules.index(rule, max(0, rule.at - FAR), rule.at + FAR)
        except ValueError:
            for at, one in enumerate(rules):
                one.at = at
        return rule.at

    def count(self, length: int) -> None:
        """A packet has met the policy."""
        if self.counters is not None:
            self.counters = self.counters[0] + 1, self.counters[1] + length


class Rule:
    """Expressions in order; `userdata` and `compat` as they were given."""

    __slots__ = ("chain", "handle", "expressions", "userdata", "compat", "at")

    def __init__(self, chain: Chain, expressions: list[Expression], userdata: bytes, compat: bytes) -> None:
        self.chain = chain
        self.handle = 0
        self.expressions = expressions
        self.userdata = userdata
        self.compat = compat
        self.at = 0  # in its chain, or thereabouts


class NftObject(Referenced):
    """A counter, quota or limit with a name; `type` is NFT_OBJECT_*."""

    def __init__(self, table: Table, name: str, kind: int, value: Expression) -> None:
        super().__init__(name)
        self.table = table
        self.type = kind
        self.value = value


class Ruleset:
    """The tables of one stack by family and name; `generation` counts batches."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.tables: dict[tuple[int, str], Table] = {}
        self.generation = 1
        self.last_table = 0
        self.charged = 0
        self.bases: dict[str, int] = {}  # how many base chains stand at each hook
        self._undo: list[Callable[[], None]] = []

    # A batch.

    def did(self, opposite: Callable[[], None]) -> None:
        """A step has been taken; `opposite` takes it back."""
        self._undo.append(opposite)

    def commit(self) -> None:
        """What was done stays."""
        self._undo.clear()
        self._hook()

    def abort(self) -> None:
        """Nothing of it stays."""
        while self._undo:
            self._undo.pop()()

    def stand(self, hook: str, by: int) -> None:
        """One more base chain there, or (-1) fewer. TOO_MANY_HOOKS."""
        if by > 0 and self.bases.get(hook, 0) >= MAX_BASE_CHAINS:
            raise NetworkError(TOO_MANY_HOOKS)
        self._stand(hook, by)
        self.did(lambda: self._stand(hook, -by))

    def _stand(self, hook: str, by: int) -> None:
        self.bases[hook] = self.bases.get(hook, 0) + by

    def put(self, holder: object, name: str, value: object) -> None:
        """Set an attribute, as a step."""
        before = getattr(holder, name)
        setattr(holder, name, value)
        self.did(lambda: setattr(holder, name, before))

    def charge(self, count: int) -> None:
        """Room for so many more things, or fewer. OUT_OF_MEMORY."""
        self.draw(count)
        self.did(lambda: self.draw(-count))

    def draw(self, count: int) -> None:
        """The same for good, from a rule that adds to a set. OUT_OF_MEMORY."""
        if count > 0 and BUDGET.used + count > BUDGET.limit:
            raise NetworkError(OUT_OF_MEMORY)
        BUDGET.used += count
        self.charged += count

    def close(self) -> None:
        """The stack ends: its share of the budget is free."""
        self.abort()
        self.tables.clear()
        self.draw(-self.charged)

    # References.

    def hold(self, expressions: list[Expression], by: int = 1) -> None:
        """What they refer to is used, or (-1) no longer used."""
        held = [reference for expression in expressions for reference in expression.references()]
        for reference in held:
            reference.uses += by

        def back() -> None:
            for reference in held:
                reference.uses -= by

        self.did(back)

    # Checks and hooks.

    def check(self, table: Table) -> int:
        """TOO_DEEP or WRONG_HOOK for what a base chain of the table leads to (nft_table_validate); else how many rules
        were looked at."""
        heights: dict[int, int] = {}
        seen: dict[tuple[str, str], set[int]] = {}
        count = 0
        for chain in table.chains.values():
            if chain.hook:
                _height(chain, 0, heights)
                count += _check(chain, chain, seen.setdefault((chain.type, chain.hook), set()))
        return count

    def _hook(self) -> None:
        """Base chains of tables that are not dormant stand at their hooks, and no others; without tables there is no
        packet filter, unless somebody else has asked for one."""
        stack = self.stack
        if not self.tables and stack.netfilter is not None and stack.netfilter.for_nft:
            stack.netfilter.conntrack.flush()
            stack.netfilter = None
        if not self.tables:
            return
        netfilter = stack.netfilter
        if netfilter is None:
            netfilter = stack.enable_netfilter()
            netfilter.for_nft = True
        wanted = [
            chain
            for table in self.tables.values()
            if not table.flags & DORMANT
            for chain in table.chains.values()
            if chain.hook
        ]
        present = {id(chain.entry) for chain in wanted if chain.entry is not None}
        for lists in (netfilter.hooks, netfilter.nat_hooks):
            for hooks in lists.values():
                for entry in hooks.entries:
                    if isinstance(entry, BaseChainHook) and id(entry) not in present:
                        entry.chain.entry = None
                        hooks.remove(entry)
        for chain in wanted:
            if chain.entry is None:
                chain.entry = BaseChainHook(chain, netfilter)
                (netfilter.nat_hooks if chain.type == NAT_TYPE else netfilter.hooks)[chain.hook].add(chain.entry)


def _height(chain: Chain, depth: int, known: dict[int, int]) -> int:
    """Of the chains that one leads to and itself, as many as call each other. TOO_DEEP, also for a circle."""
    height = known.get(id(chain), 1)
    if depth + height > JUMP_STACK:
        raise NetworkError(TOO_DEEP)
    if id(chain) not in known:
        for rule in chain.rules:
            for expression in rule.expressions:
                for target in expression.targets():
                    height = max(height, 1 + _height(target, depth + 1, known))
        known[id(chain)] = height
    return height


def _check(base: Chain, chain: Chain, seen: set[int]) -> int:
    """`seen`: chains that others of the base's type at its hook have led to. WRONG_HOOK."""
    if id(chain) in seen:
        return 0
    seen.add(id(chain))
    count = len(chain.rules)
    for rule in chain.rules:
        for expression in rule.expressions:
            kind, hooks = expression.hooks()
            if (kind and kind != base.type) or (hooks and base.hook not in hooks):
                raise NetworkError(WRONG_HOOK)
            for target in expression.targets():
                count += _check(base, target, seen)
    return count


HOOKS_OF_TYPE: Final = {
    FILTER_TYPE: frozenset(HOOKS),
    NAT_TYPE: frozenset(HOOKS) - {HOOKS[2]},
    ROUTE_TYPE: frozenset((HOOKS[3],)),
}
