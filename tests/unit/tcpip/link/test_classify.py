"""Filters and hierarchical token buckets on a manual clock."""

from __future__ import annotations

from tcpip.buffer import TxPacket
from tcpip.clock import NS_PER_MS, NS_PER_S, ManualClock
from tcpip.header.ethernet import TYPE_IPV4
from tcpip.link.classify import OK, PIPE, SHOT, UNSPEC, ByMark, FilterList, GenericAction, MatchAll, Target
from tcpip.link.classify_u32 import FIRST, STEPS_MOST, TERMINAL, U32, U32Key, U32Rule, U32Table, U32Tables, number_at
from tcpip.link.qdisc_htb import Htb, HtbRates
from tcpip.link.qdisc_prio import PRIORITY_MAP, Prio
from tcpip.toil import TOIL_MOST, Toil
from tcpip.transport.socket_options import SocketOptions

from .test_qdisc import Bench, packet, port_of

HANDLE = 1 << 16


def sent(port: int, mark: int = 0, size: int = 1000, priority: int = 0) -> TxPacket:
    pkt = packet(port, size)
    pkt.ethertype = TYPE_IPV4
    pkt.socket = SocketOptions()
    pkt.socket.mark, pkt.socket.priority = mark, priority
    return pkt


def match_all(preference: int, classid: int, *verdicts: int) -> MatchAll:
    one = MatchAll(preference, TYPE_IPV4)
    one.handle = 1
    one.target = Target(classid, [GenericAction(n, verdict, 0) for n, verdict in enumerate(verdicts, 1)])
    return one


def words(rules: list[U32Rule], preference: int = 1) -> U32:
    shared = U32Tables(Toil())
    root = U32Table(FIRST, preference, 1, True)
    shared.tables.append(root)
    for rule in rules:
        root.insert(rule)
    return U32(preference, TYPE_IPV4, shared, root)


def rule(number: int, classid: int, key: U32Key) -> U32Rule:
    made = U32Rule(FIRST | number, Target(classid, []))
    made.flags, made.keys = TERMINAL, [key]
    return made


def test_bands_by_mark_by_words_and_by_action() -> None:
    prio = Prio(3, PRIORITY_MAP, 10, HANDLE)
    by_mark = ByMark(1, TYPE_IPV4)
    by_mark.mask = 0xF
    by_mark.targets[5] = Target(HANDLE | 3, [])
    by_mark.targets[6] = Target(HANDLE | 1, [GenericAction(1, PIPE, 0), GenericAction(2, SHOT, 0)])
    by_mark.targets[7] = Target(HANDLE | 9, [])
    prio.filters.add(words([rule(0x800, HANDLE | 1, U32Key(0xFFFF0000, 77 << 16, 20, 0))], 2))
    prio.filters.add(by_mark)
    waiting = [band.packets for band in prio.bands]
    for pkt, band in ((sent(1, 0x15), 2), (sent(77), 0), (sent(78), 1), (sent(77, 7), 1), (sent(1, 5, 100, 6), 2)):
        prio.enqueue(pkt, 0)
        waiting[band] += 1
        assert [one.packets for one in prio.bands] == waiting
    prio.enqueue(sent(77, 6), 0)
    assert prio.dropped == 1 and prio.packets == 5, "dropped by its action"


def test_a_filter_that_only_counts_lets_the_next_one_decide() -> None:
    filters = FilterList()
    counts = match_all(1, HANDLE | 1, UNSPEC)
    filters.add(match_all(9, HANDLE | 2, PIPE, OK, SHOT))
    filters.add(counts)
    assert filters.classify(sent(1), 7) == OK and filters.classid == HANDLE | 2
    assert counts.target.actions[0].packets == 1 and counts.target.actions[0].first == 7
    other = sent(1)
    other.ethertype = 0x86DD
    assert filters.classify(other, 8) == UNSPEC, "of another protocol"


def test_words_beyond_the_header_and_beyond_the_packet() -> None:
    pkt = sent(1, size=60)
    joined = pkt.join()
    for at in range(56):
        assert number_at(pkt, at, 4) == int.from_bytes(joined[at : at + 4], "big")
    assert number_at(pkt, 57, 4) == number_at(pkt, -1, 4) == -1
    short = words([rule(0x800, 5, U32Key(0, 0, 44, 0)), rule(0x801, 6, U32Key(0, 0, 0, 0))])
    assert short.classify(pkt, 0) == UNSPEC, "a word that is not there ends the search"


def test_tables_that_lead_to_each_other_come_to_an_end() -> None:
    one = words([])
    tables = [one.root] + [U32Table((n | 0x800) << 20, 1, 1, False) for n in range(1, 9)]
    for table, below in zip(tables, tables[1:] + [tables[1]], strict=True):
        for number in range(200):
            made = rule(number + 1, 0, U32Key(0, 0, 0, 0))
            made.handle, made.flags, made.link = table.handle | number + 1, 0, below
            table.insert(made)
    assert one.classify(sent(1), 0) == UNSPEC


def rates(kilobytes: int, ceil: int, priority: int = 0) -> HtbRates:
    buffer = 10 * NS_PER_MS
    return HtbRates(kilobytes * 1000, ceil * 1000, buffer, buffer, 1000, priority)


def by_ports(htb: Htb, ports: dict[int, int]) -> None:
    found = [
        rule(0x800 + n, HANDLE | number, U32Key(0xFFFF0000, port << 16, 20, 0))
        for n, (port, number) in enumerate(ports.items())
    ]
    htb.filters.add(words(found))


def test_what_one_class_does_not_use_another_borrows() -> None:
    htb = Htb(HANDLE, 0, 10, 1000)
    top = htb.add(1, None, rates(100, 100), 1000, NS_PER_S)
    htb.add(10, top, rates(75, 100), 1000, NS_PER_S)
    htb.add(20, top, rates(25, 100), 1000, NS_PER_S)
    by_ports(htb, {10: 10, 20: 20})
    bench = Bench(htb)
    bench.link.write_packets([sent(port) for port in (10, 20) for _ in range(200)])
    both = [port_of(pkt) for _, pkt in bench.run(2000)]
    assert 190 <= len(both) <= 210 and 140 <= both.count(10) <= 160, "each its own, and no more than the whole"
    alone = [port_of(pkt) for _, pkt in bench.run(2000)]
    assert alone.count(20) > 90 and htb.classes[20].borrows > 50 and top.lends > 50
    assert htb.packets == 0 and htb.next_at(bench.clock.now_ns()) > bench.clock.now_ns()
    assert htb.classes[10].sent == htb.classes[20].sent == 200 and top.sent == 400


def test_who_comes_first_borrows_first() -> None:
    htb = Htb(HANDLE, 0, 10, 1000)
    top = htb.add(1, None, rates(100, 100), 1000, NS_PER_S)
    htb.add(10, top, rates(10, 100, 1), 1000, NS_PER_S)
    htb.add(20, top, rates(10, 100, 0), 1000, NS_PER_S)
    by_ports(htb, {10: 10, 20: 20})
    bench = Bench(htb)
    bench.link.write_packets([sent(port) for port in (10, 20) for _ in range(100)])
    first = [port_of(pkt) for _, pkt in bench.run(1000)]
    assert first.count(20) > 80 > 20 > first.count(10) > 5


def test_a_class_that_goes_takes_what_waits_there() -> None:
    htb = Htb(HANDLE, 10, 10, 1000)
    top = htb.add(1, None, rates(1, 1), 1000, NS_PER_S)
    leaf = htb.add(10, top, rates(1, 1), 3, NS_PER_S)
    assert not htb.has_class(1) and htb.has_class(10)
    for _ in range(5):
        htb.enqueue(sent(1), NS_PER_S)
    assert htb.packets == 3 and htb.total_dropped() == 2
    htb.remove(leaf, 1000)
    assert htb.packets == 0 and htb.total_dropped() == 2 and htb.has_class(1)
    htb.enqueue(sent(1), NS_PER_S)
    assert htb.direct_packets == 1 and htb.dequeue(NS_PER_S) is not None


def test_a_packet_meets_so_many_rules_whatever_the_filters() -> None:
    filters = FilterList()
    shared = U32Tables(Toil())
    table = U32Table(FIRST | 1 << 20, 1, 1, False)
    for number in range(STEPS_MOST // 4):
        table.insert(rule(number + 1, 0, U32Key(0xFFFFFFFF, 1, 0, 0)))
    for preference in range(1, 9):
        root = U32Table(FIRST | preference + 1 << 20, preference, 1, True)
        way = rule(1, 0, U32Key(0, 0, 0, 0))
        way.flags, way.link = 0, table
        root.insert(way)
        filters.add(U32(preference, TYPE_IPV4, shared, root))
    pkt = sent(1)
    assert filters.classify(pkt, 0) == UNSPEC and shared.steps < 0
    filters.add(words([rule(0x800, HANDLE | 1, U32Key(0, 0, 0, 0))], 99))
    assert filters.classify(pkt, 0) == OK, "others go on"


def test_words_that_are_compared_count_as_rules_do() -> None:
    toil = Toil()
    shared = U32Tables(toil)
    root = U32Table(FIRST, 1, 1, True)
    for number in range(64):
        one = rule(number + 1, 0, U32Key(0, 0, 0, 0))
        one.keys = [*[U32Key(0, 0, 0, 0)] * 127, U32Key(0xFFFFFFFF, 1, 0, 0)]
        root.insert(one)
    filters = FilterList()
    filters.add(U32(1, TYPE_IPV4, shared, root))
    toil.begin(ManualClock())
    assert filters.classify(sent(1), 0) == UNSPEC
    assert STEPS_MOST < toil.done < STEPS_MOST + 256 and toil.done > TOIL_MOST and toil.enough()
    toil.end()
    assert toil.begin(ManualClock()) and not toil.begin(ManualClock())
    assert not toil.enough()
