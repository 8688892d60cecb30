"""Filters that compare words of a packet (net/sched/cls_u32.c, tc-u32(8)).

All of a discipline share their tables. A table's rule that has a `link` goes on in that table, with what it says where the next header is.
Deviates: a packet meets no more than `STEPS_MOST` rules and words of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.link.classify import OK, UNSPEC, Filter, Target, mark_of

if TYPE_CHECKING:
    from tcpip.buffer import TxPacket
    from tcpip.toil import Toil

TABLE: Final = 0xFFF00000
KEY: Final = 0x000FFFFF
BUCKET: Final = 0x000FF000
NODE: Final = 0x00000FFF
FIRST: Final = 0x800 << 20
TERMINAL, OFFSET, VAROFFSET, EAT = 1, 2, 4, 8
STEPS_MOST: Final = 4096
_DEEPEST: Final = 8
_ENDS: Final = -2


class U32Key:
    """The word at `offset` has `value` in the bits of `mask`; the offset counts on from the next header by `moving`."""

    __slots__ = ("mask", "value", "offset", "moving")

    def __init__(self, mask: int, value: int, offset: int, moving: int) -> None:
        self.mask = mask
        self.value = value
        self.offset = offset
        self.moving = moving


class U32Rule:
    """One of a table (struct tc_u_knode). `selector` is as it was told (struct tc_u32_sel); the next table's bucket comes from the word at
    `hash_at` and `hash_mask`, the next header's place from the one at `place_at`."""

    __slots__ = (
        "handle",
        "selector",
        "flags",
        "keys",
        "place_shift",
        "place_mask",
        "place",
        "place_at",
        "hash_at",
        "hash_mask",
        "target",
        "link",
        "told_flags",
        "device",
        "mark",
        "marked_by",
    )

    def __init__(self, handle: int, target: Target) -> None:
        self.handle = handle
        self.target = target
        self.selector = b""
        self.flags = 0
        self.keys: list[U32Key] = []
        self.place_shift = self.place_mask = self.place = self.place_at = 0
        self.hash_at = self.hash_mask = 0
        self.link: U32Table | None = None
        self.told_flags = 0
        self.device = ""
        self.mark = self.marked_by = 0


class U32Table:
    """Rules in buckets (struct tc_u_hnode). `users`: rules that lead here."""

    __slots__ = ("handle", "preference", "root", "buckets", "users")

    def __init__(self, handle: int, preference: int, divisor: int, root: bool) -> None:
        self.handle = handle
        self.preference = preference
        self.root = root
        self.buckets: list[list[U32Rule]] = [[] for _ in range(divisor)]
        self.users = 0

    def rules(self) -> list[U32Rule]:
        return [rule for bucket in self.buckets for rule in bucket]

    def find(self, handle: int) -> U32Rule | None:
        number = (handle & BUCKET) >> 12
        bucket = self.buckets[number] if number < len(self.buckets) else []
        return next((rule for rule in bucket if rule.handle == handle), None)

    def insert(self, rule: U32Rule) -> None:
        """By number (u32_change)."""
        bucket = self.buckets[(rule.handle & BUCKET) >> 12]
        at = next((n for n, one in enumerate(bucket) if (rule.handle & NODE) < (one.handle & NODE)), len(bucket))
        bucket.insert(at, rule)

    def remove(self, rule: U32Rule) -> None:
        self.buckets[(rule.handle & BUCKET) >> 12].remove(rule)
        if rule.link is not None:
            rule.link.users -= 1

    def free_handle(self, bucket: int) -> int:
        """gen_new_kid; 0: there is none."""
        taken = {rule.handle & NODE for rule in self.rules()}
        for number in (*range(0x800, 0x1000), *range(1, 0x800)):
            if number not in taken:
                return bucket | int(number)
        return 0


class U32Tables:
    """What the filters of a discipline share (struct tc_u_common); the newest table is the first. `seen`: the packet
    that is looked at, which may meet `steps` rules and words more; `toil` adds them up."""

    __slots__ = ("toil", "tables", "filters", "seen", "steps", "_next")

    def __init__(self, toil: Toil) -> None:
        self.toil = toil
        toil.used = True
        self.tables: list[U32Table] = []
        self.filters = 0
        self.seen: TxPacket | None = None
        self.steps = 0
        self._next = 1

    def find(self, handle: int) -> U32Table | None:
        return next((one for one in self.tables if one.handle == handle & TABLE), None)

    def free_handle(self) -> int:
        """gen_new_htid: numbers go round; 0: there is none."""
        taken = {one.handle for one in self.tables}
        for step in range(0x7FF):
            number = (self._next - 1 + step) % 0x7FF + 1
            handle = (number | 0x800) << 20
            if handle not in taken:
                self._next = number + 1
                return int(handle)
        return 0

    def count(self) -> int:
        return len(self.tables) + sum([len(one.rules()) for one in self.tables])


class U32(Filter):
    """Those of one preference; packets begin in `root`. What begins with `_` is of the packet that is looked at: `_moved` is where the next
    header is, after the one that words are counted from."""

    def __init__(self, preference: int, protocol: int, shared: U32Tables, root: U32Table) -> None:
        super().__init__("u32", preference, protocol)
        self.shared = shared
        self.root = root
        self._moved = 0

    def targets_of(self) -> list[Target]:
        mine = [one for one in self.shared.tables if one.preference == self.preference]
        return [rule.target for table in mine for rule in table.rules()]

    def classify(self, pkt: TxPacket, now: int) -> int:
        self._moved = 0
        if self.shared.seen is not pkt:
            self.shared.seen, self.shared.steps = pkt, STEPS_MOST
        before = self.shared.steps
        verdict = max(UNSPEC, self._walk(pkt, now, self.root.buckets[0], pkt.network, 0))
        self.shared.toil.done += before - self.shared.steps
        return verdict

    def _walk(self, pkt: TxPacket, now: int, rules: list[U32Rule], at: int, depth: int) -> int:
        """The rules of a bucket, and those of the tables that they lead to; UNSPEC when none decides, _ENDS when none may any more."""
        for rule in rules:
            self.shared.steps -= 1
            matches = self._matches(pkt, rule, at) if self.shared.steps >= 0 else -1
            if matches < 0:
                return _ENDS
            if not matches:
                continue
            if rule.link is not None:
                verdict = self._follow(pkt, now, rule, rule.link, at, depth)
                if verdict != UNSPEC:
                    return verdict
            if rule.flags & TERMINAL and not rule.device:  # what is sent has come by no interface
                self.classid = rule.target.classid
                verdict = rule.target.execute(pkt, now)
                if verdict >= OK:
                    return verdict
        return UNSPEC

    def _matches(self, pkt: TxPacket, rule: U32Rule, at: int) -> int:
        """1, 0, or -1 where the packet is too short."""
        if (rule.marked_by or rule.mark) and (mark_of(pkt) & rule.marked_by) != rule.mark:
            return 0
        for key in rule.keys:
            self.shared.steps -= 1
            word = number_at(pkt, at + key.offset + (self._moved & key.moving), 4)
            if word < 0:
                return -1
            if (word ^ key.value) & key.mask:
                return 0
        return 1

    def _follow(self, pkt: TxPacket, now: int, rule: U32Rule, link: U32Table, at: int, depth: int) -> int:
        if depth >= _DEEPEST:
            return _ENDS
        bucket = 0
        if len(link.buckets) > 1:
            word = number_at(pkt, at + rule.hash_at, 4)
            if word < 0:
                return _ENDS
            bucket = folded(word, rule.hash_mask) & len(link.buckets) - 1
        if rule.flags & (OFFSET | VAROFFSET):
            self._moved = rule.place + 3
            if rule.flags & VAROFFSET:
                half = number_at(pkt, at + rule.place_at, 2)
                if half < 0:
                    return _ENDS
                self._moved += (half & rule.place_mask) >> rule.place_shift
            self._moved &= ~3
        if rule.flags & EAT:
            at, self._moved = at + self._moved, 0
            if at >= len(pkt):
                return UNSPEC
        return self._walk(pkt, now, link.buckets[bucket], at, depth + 1)


def number_at(pkt: TxPacket, at: int, size: int) -> int:
    """So many bytes as a number; -1 beyond the packet."""
    header = pkt.header
    if at < 0 or at + size > len(pkt):
        return -1
    found = bytes(header[at : at + size])
    if len(found) == size:
        return int.from_bytes(found, "big")
    at = max(at - len(header), 0)
    for piece in pkt.payload:
        if at < len(piece):
            found += bytes(piece[at : at + size - len(found)])
        at = max(at - len(piece), 0)
        if len(found) == size:
            break
    return int.from_bytes(found, "big")


def folded(word: int, mask: int) -> int:
    """Which bucket (u32_hash_fold)."""
    shift = (mask & -mask).bit_length() - 1 if mask else 0
    return (word & mask) >> shift
