"""The register machine, sets and the bounds of nf_tables rulesets."""

from __future__ import annotations

import pytest

from tcpip.clock import NS_PER_S
from tcpip.errors import NetworkError
from tcpip.filter.nft import act, arithmetic, meta, payload, stateful
from tcpip.filter.nft.arithmetic import Bitwise, ByteOrder, Compare, Immediate, NumberGenerator, Range, Verdict
from tcpip.filter.nft.machine import (
    ACCEPT,
    BREAK,
    CONTINUE,
    DROP,
    GOTO,
    HOOKS,
    JUMP,
    MAX_STEPS,
    RETURN,
    Evaluation,
    Expression,
    run,
)
from tcpip.filter.nft.ruleset import BUDGET, TOO_DEEP, WRONG_HOOK, Chain, Rule, Ruleset, Table
from tcpip.filter.nft.sets import CATCHALL, INTERVAL, INTERVAL_END, MAP, Element, Lookup, NftSet
from tcpip.filter.packet import FilteredPacket
from tcpip.stack.stack import Stack
from tests.unit.tcpip.filter.router import CLIENT, SERVER, Router, tcp, udp


@pytest.fixture
def router() -> Router:
    return Router(netfilter=False)


def base(ruleset: Ruleset, hook: str, kind: str = "filter", priority: int = 0, policy: int = ACCEPT) -> Chain:
    table = ruleset.tables.setdefault((2, "t"), Table(2, "t", 0))
    chain = table.chains[hook] = Chain(table, hook)
    chain.hook, chain.type, chain.priority, chain.policy = hook, kind, priority, policy
    return chain


def regular(chain: Chain, name: str) -> Chain:
    found = chain.table.chains[name] = Chain(chain.table, name)
    return found


def add(chain: Chain, *expressions: Expression) -> None:
    chain.rules.append(Rule(chain, list(expressions), b"", b""))


def verdict(code: int, chain: Chain | None = None) -> Immediate:
    return Immediate(0, b"", Verdict(code, chain))


def evaluation(stack: Stack, packet: bytes = b"") -> Evaluation:
    pkt = FilteredPacket()
    if packet:
        pkt.data, pkt.transport, pkt.end, pkt.protocol = packet, 20, len(packet), packet[9]
        pkt.src, pkt.dst, pkt.length = packet[12:16], packet[16:20], len(packet)
    return Evaluation(pkt, "input", stack.enable_netfilter())


def loaded(e: Evaluation, expression: Expression, size: int) -> bytes:
    e.code = CONTINUE
    expression.evaluate(e)
    return bytes(e.registers[16 : 16 + size]) if e.code == CONTINUE else b""


def test_a_packet_meets_rules_until_one_decides(router: Router) -> None:
    ruleset = Ruleset(router.stack)
    chain = base(ruleset, "forward", policy=DROP)
    counter = stateful.Counter(0, 0)
    add(chain, payload.PayloadLoad(0, payload.TRANSPORT, 2, 2), Compare(0, arithmetic.EQ, b"\0\x35"), counter)
    add(chain, meta.MetaLoad(0, meta.L4PROTO), Compare(0, arithmetic.EQ, b"\x11"), verdict(ACCEPT))
    ruleset.commit()
    assert router.from_lan(udp(CLIENT, 4000, SERVER, 53))[1]
    assert router.from_lan(udp(CLIENT, 4000, SERVER, 54))[1]
    assert not router.from_lan(tcp(CLIENT, 4000, SERVER, 53))[1]
    assert counter.packets == 2
    ruleset.tables.clear()
    ruleset.commit()
    assert router.stack.netfilter is None  # without tables a packet costs what it did before
    assert router.from_lan(tcp(CLIENT, 4000, SERVER, 53))[1]


def test_jump_goto_and_return(router: Router) -> None:
    ruleset = Ruleset(router.stack)
    chain = base(ruleset, "input")
    one, two = regular(chain, "one"), regular(chain, "two")
    seen = [stateful.Counter(0, 0) for _ in range(4)]
    add(chain, verdict(JUMP, one))
    add(chain, seen[0], verdict(GOTO, two))
    add(chain, seen[1])
    add(one, seen[2], verdict(RETURN))
    add(one, verdict(DROP))
    add(two, seen[3])
    assert run(chain, evaluation(router.stack)) == CONTINUE
    assert [counter.packets for counter in seen] == [1, 0, 1, 1]


def test_circles_and_wrong_hooks_are_refused(router: Router) -> None:
    ruleset = Ruleset(router.stack)
    chain = base(ruleset, "input")
    one, two = regular(chain, "one"), regular(chain, "two")
    add(one, verdict(JUMP, two))
    add(two, verdict(JUMP, one))
    ruleset.check(chain.table)  # nobody gets there
    add(chain, verdict(JUMP, one))
    with pytest.raises(NetworkError) as caught:
        ruleset.check(chain.table)
    assert caught.value.error is TOO_DEEP
    chain.rules.clear()
    two.rules.clear()
    add(chain, verdict(JUMP, two))
    add(two, act.Masquerade((None, None), 0))
    with pytest.raises(NetworkError) as caught:
        ruleset.check(chain.table)
    assert caught.value.error is WRONG_HOOK


def test_evaluation_is_bounded(router: Router) -> None:
    ruleset = Ruleset(router.stack)
    chain = base(ruleset, "input")
    chains = [chain, *[regular(chain, str(number)) for number in range(15)]]
    for here, there in zip(chains, chains[1:], strict=False):
        for _ in range(4):
            add(here, verdict(JUMP, there))
    ruleset.check(chain.table)
    counter = stateful.Counter(0, 0)
    chains[-1].rules += [Rule(chains[-1], [counter], b"", b"") for _ in range(10)]
    assert run(chain, evaluation(router.stack)) == DROP
    assert counter.packets < MAX_STEPS


def test_what_is_looked_for_in_a_list_of_ranges_counts(router: Router) -> None:
    """One packet could look at all of them in each of very many rules."""
    ruleset = Ruleset(router.stack)
    chain = base(ruleset, "input")
    held = NftSet(chain.table, ruleset, "s", INTERVAL)
    held.key_len, held.fields = 8, [4, 4]
    for number in range(1, 1001):
        held.add(Element(number.to_bytes(4, "big") * 2, b"", 0))
    lookups: list[Expression] = [Lookup(held, 0, None, False, True) for _ in range(100)]
    for _ in range(10):
        chain.rules.append(Rule(chain, lookups, b"", b""))
    e = evaluation(router.stack)
    assert run(chain, e) == DROP
    assert MAX_STEPS < e.pkt.steps < MAX_STEPS + 2000


def test_a_rule_is_found_where_it_is(router: Router) -> None:
    chain = base(Ruleset(router.stack), "input")
    rules = chain.rules = [Rule(chain, [], b"", b"") for _ in range(3000)]
    assert chain.place(rules[2999]) == 2999 and chain.place(rules[7]) == 7
    del rules[:1500]
    assert chain.place(rules[1499]) == 1499 and chain.place(rules[0]) == 0


def test_a_batch_is_taken_back(router: Router) -> None:
    ruleset = Ruleset(router.stack)
    before = BUDGET.used
    chain = base(ruleset, "input")
    ruleset.charge(5)
    ruleset.put(chain, "policy", DROP)
    ruleset.abort()
    assert chain.policy == ACCEPT
    assert BUDGET.used == before


def test_the_budget_is_everybodys(router: Router) -> None:
    first, second = Ruleset(router.stack), Ruleset(Router(netfilter=False).stack)
    first.charge(BUDGET.limit - BUDGET.used)
    with pytest.raises(NetworkError):
        second.charge(1)
    first.commit()
    first.close()
    second.charge(1)
    second.abort()


def test_arithmetic(router: Router) -> None:
    e = evaluation(router.stack)
    e.store(0, b"\x12\x34\x56\x78")
    assert loaded(e, Bitwise(0, 16, 4, 0, b"\xff\xff\0\0", b"\0\0\0\1", 0), 4) == b"\x12\x34\0\1"
    assert loaded(e, Bitwise(0, 16, 4, arithmetic.LEFT_SHIFT, b"", b"", 8), 4) == b"\0\x12\x34\x56"
    assert loaded(e, Bitwise(0, 16, 4, arithmetic.RIGHT_SHIFT, b"", b"", 8), 4) == b"\x34\x56\x78\0"
    assert loaded(e, ByteOrder(0, 16, 0, 4, 2), 4) == b"\x34\x12\x78\x56"
    assert loaded(e, ByteOrder(0, 16, 0, 4, 4), 4) == b"\x78\x56\x34\x12"
    generator = NumberGenerator(16, 3, arithmetic.INCREMENTAL, 10)
    assert [loaded(e, generator, 1)[0] for _ in range(4)] == [10, 11, 12, 10]
    for op, wanted in enumerate((False, True, True, True, False, False)):
        assert (loaded(e, Compare(0, op, b"\x12\x35"), 1) != b"") == wanted, op
    assert loaded(e, Range(0, arithmetic.EQ, b"\x12\0", b"\x12\x34"), 1)
    assert not loaded(e, Range(0, arithmetic.NEQ, b"\x12\0", b"\x12\x34"), 1)


def test_reading_beyond_the_packet_breaks(router: Router) -> None:
    e = evaluation(router.stack, udp(CLIENT, 4000, SERVER, 53))
    assert loaded(e, payload.PayloadLoad(16, payload.NETWORK, 12, 4), 4) == CLIENT
    assert loaded(e, payload.PayloadLoad(16, payload.TRANSPORT, 2, 2), 2) == b"\0\x35"
    payload.PayloadLoad(16, payload.TRANSPORT, 200, 16).evaluate(e)
    assert e.code == BREAK
    e.code = CONTINUE
    payload.PayloadLoad(16, payload.LINK, 0, 6).evaluate(e)
    assert e.code == BREAK


def test_limits_follow_the_clock(router: Router) -> None:
    e = evaluation(router.stack, udp(CLIENT, 4000, SERVER, 53))
    limit = stateful.Limit(2, 1, 3, stateful.PACKETS, 0)
    assert [bool(loaded(e, limit, 1)) for _ in range(5)] == [True] * 3 + [False] * 2
    router.clock.advance(NS_PER_S)
    assert [bool(loaded(e, limit, 1)) for _ in range(3)] == [True, True, False]
    over = stateful.Limit(e.pkt.length, 1, 0, stateful.BYTES, stateful.INVERT)
    assert [bool(loaded(e, over, 1)) for _ in range(2)] == [False, True]
    quota = stateful.Quota(e.pkt.length, 0, 0)
    assert [bool(loaded(e, quota, 1)) for _ in range(2)] == [True, False]


def make_set(router: Router, flags: int, key_len: int) -> NftSet:
    held = NftSet(Table(2, "t", 0), Ruleset(router.stack), "s", flags)
    held.key_len = key_len
    return held


def test_intervals(router: Router) -> None:
    held = make_set(router, INTERVAL, 2)
    for key, flags in ((b"\0\0", INTERVAL_END), (b"\0\x10", 0), (b"\0\x20", INTERVAL_END), (b"\0\x20", 0)):
        held.add(Element(key, b"", flags))
    held.add(Element(b"\0\x30", b"", INTERVAL_END))
    assert [held.find(bytes((0, n))) is not None for n in (0x0F, 0x10, 0x1F, 0x20, 0x2F, 0x30)] == [
        False,
        True,
        True,
        True,
        True,
        False,
    ]
    held.add(Element(b"", b"", CATCHALL))
    assert held.find(b"\0\x40") is not None


def test_ranges_of_fields(router: Router) -> None:
    held = make_set(router, INTERVAL, 8)
    held.fields = [4, 2]
    held.add(Element(b"\x0a\0\0\0\0\x50\0\0", b"\x0a\0\0\xff\0\x60\0\0", 0))
    assert held.find(b"\x0a\0\0\7\0\x55\0\0") is not None
    assert held.find(b"\x0a\0\1\7\0\x55\0\0") is None
    assert held.find(b"\x0a\0\0\7\0\x61\0\0") is None


def test_elements_run_out_and_maps_decide(router: Router) -> None:
    held = make_set(router, MAP, 4)
    element = Element(b"abcd", b"", 0)
    element.verdict = Verdict(DROP)
    element.expires = router.clock.now_ns() + NS_PER_S
    held.ruleset.draw(1)
    held.add(element)
    e = evaluation(router.stack)
    e.store(0, b"abcd")
    lookup = Lookup(held, 0, None, True, False)
    lookup.evaluate(e)
    assert e.code == DROP
    router.clock.advance(NS_PER_S)
    e.code = CONTINUE
    lookup.evaluate(e)
    assert e.code == BREAK
    held.expire()
    assert not held.elements
    assert held.ruleset.charged == 0


def test_hooks_are_in_order_of_priority(router: Router) -> None:
    ruleset = Ruleset(router.stack)
    late, early = base(ruleset, HOOKS[2], priority=10), Chain(base(ruleset, HOOKS[1]).table, "early")
    early.hook, early.type, early.priority = HOOKS[2], "filter", -10
    late.table.chains["early"] = early
    counter = stateful.Counter(0, 0)
    add(late, counter)
    add(early, verdict(DROP))
    ruleset.commit()
    assert not router.from_lan(udp(CLIENT, 4000, SERVER, 53))[1]
    assert counter.packets == 0
