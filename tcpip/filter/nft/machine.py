"""The register machine: expressions read the packet and 64 bytes of registers, and decide.

Source: net/netfilter/nf_tables_core.c (nft_do_chain), include/uapi/linux/netfilter/nf_tables.h.
Deviates: a packet is dropped after `MAX_STEPS` rules and expressions in them, however chains call each other.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Final

from tcpip.filter.hook import HookEntry
from tcpip.filter.packet import FilteredPacket
from tcpip.filter.table import FORWARD, INPUT, OUTPUT, POSTROUTING, PREROUTING

if TYPE_CHECKING:
    from tcpip.filter.netfilter import Netfilter
    from tcpip.filter.nft.ruleset import Chain, Referenced, Rule

DROP: Final = 0
ACCEPT: Final = 1
CONTINUE: Final = -1
BREAK: Final = -2
JUMP: Final = -3
GOTO: Final = -4
RETURN: Final = -5
"""Verdicts: enum nft_verdicts, NF_DROP and NF_ACCEPT."""

JUMP_STACK: Final = 16
MAX_STEPS: Final = 131072
REGISTERS: Final = 64
HOOKS: Final = (PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING)
"""By enum nf_inet_hooks."""

FAMILY_INET: Final = 1
FAMILY_IPV4: Final = 2
FAMILY_IPV6: Final = 10


class Evaluation:
    """One packet at one chain. `code` is the verdict so far, `chain` where a JUMP or GOTO leads. `base`: the chain where it began;
    `told`: who traces has been told what the packet is."""

    __slots__ = ("pkt", "hook", "owner", "registers", "code", "chain", "base", "told")

    def __init__(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> None:
        self.pkt = pkt
        self.hook = hook
        self.owner = owner
        self.registers = bytearray(REGISTERS)
        self.code = CONTINUE
        self.chain: Chain | None = None
        self.base: Chain | None = None
        self.told = False

    def takes(self, steps: int) -> bool:
        """Something takes so many steps of the packet; False: that is too much, and it is dropped."""
        self.pkt.steps += steps
        if self.pkt.steps > MAX_STEPS:
            self.code = DROP
            return False
        return True

    def store(self, at: int, value: bytes) -> None:
        """Into registers from byte `at`, the last one filled with zeros."""
        size = len(value)
        self.registers[at : at + size] = value
        if size & 3:
            self.registers[at + size : at + size + 4 - (size & 3)] = bytes(4 - (size & 3))


class Expression:
    """One instruction; it changes registers, or `code` to anything but CONTINUE. `name` is nf_tables' name of it."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def evaluate(self, e: Evaluation) -> None:
        """Run it."""

    def references(self) -> list[Referenced]:
        """Chains, sets and objects that must stay while this is there."""
        return []

    def targets(self) -> list[Chain]:
        """Chains that it may lead to."""
        return []

    def hooks(self) -> tuple[str, frozenset[str]]:
        """The chain type ("" for any) and the hooks (empty for any) that a base chain which leads here must have."""
        return "", frozenset()

    def copy(self) -> Expression:
        """A fresh one for another element of a set, where state is not shared."""
        return self


class BaseChainHook(HookEntry):
    """A base chain at its hook."""

    def __init__(self, chain: Chain, owner: Netfilter) -> None:
        super().__init__(chain.priority)
        self.chain = chain
        self.owner = owner

    def passes(self, pkt: FilteredPacket, hook: str) -> bool:
        chain = self.chain
        family = chain.table.family
        if family != FAMILY_INET and (family == FAMILY_IPV4) != (len(pkt.src) == 4):
            return True
        mark = pkt.mark
        e = Evaluation(pkt, hook, self.owner)
        e.base = chain
        code = run(chain, e)
        if code == CONTINUE:
            if pkt.traced:
                watch = self.owner.stack.tracking.rule_watch
                if watch is not None:
                    watch.policy(e, chain)
            chain.count(pkt.length)
            code = chain.policy
        if code != ACCEPT:
            return False
        if chain.type == "route" and pkt.mark != mark:
            pkt.rerouted = True
        return True


def run(chain: Chain, e: Evaluation) -> int:
    """DROP, ACCEPT, or CONTINUE when no rule has decided."""
    stack: list[tuple[Chain, int]] = []
    rules, at = chain.rules, 0
    pkt = e.pkt
    while True:
        code = CONTINUE
        rule: Rule | None = None
        while at < len(rules):
            rule = rules[at]
            at += 1
            pkt.steps += 1 + len(rule.expressions)
            if pkt.steps > MAX_STEPS:
                return DROP
            e.code = CONTINUE
            for expression in rule.expressions:
                expression.evaluate(e)
                if e.code != CONTINUE:
                    break
            code = e.code
            if code != CONTINUE and code != BREAK:
                break
            if code == CONTINUE and pkt.traced:
                _trace(e, chain, rule, code)
            code, rule = CONTINUE, None
        if pkt.traced:
            _trace(e, chain, rule, code)
        if code >= 0:
            return code
        if code in (JUMP, GOTO):
            if code == JUMP:
                if len(stack) == JUMP_STACK:
                    return DROP
                stack.append((chain, at))
            assert e.chain is not None
            chain, at = e.chain, 0
        elif stack:
            chain, at = stack.pop()
        else:
            return CONTINUE
        rules = chain.rules


def _trace(e: Evaluation, chain: Chain, rule: Rule | None, code: int) -> None:
    watch = e.owner.stack.tracking.rule_watch
    if watch is not None:
        watch.rule(e, chain, rule, code)
