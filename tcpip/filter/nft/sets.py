"""Sets and maps: of single keys, of intervals, of concatenated fields; and the expressions that use them.

Source: net/netfilter/nft_lookup.c, nft_dynset.c, nft_objref.c, nft_set_rbtree.c (an interval is an element where it begins
and one, marked INTERVAL_END, where it has ended), nft_set_pipapo.c (ranges of every field).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

from tcpip.clock import NS_PER_MS
from tcpip.errors import NetworkError
from tcpip.filter.nft.arithmetic import Verdict
from tcpip.filter.nft.machine import BREAK, CONTINUE, Evaluation, Expression
from tcpip.filter.nft.ruleset import Chain, NftObject, Referenced, Ruleset, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

ANONYMOUS: Final = 1
CONSTANT: Final = 2
INTERVAL: Final = 4
MAP: Final = 8
TIMEOUT: Final = 0x10
EVAL: Final = 0x20
OBJECT: Final = 0x40
CONCAT: Final = 0x80
EXPRESSION: Final = 0x100
INTERVAL_END: Final = 1
CATCHALL: Final = 2

Key = tuple[bytes, int, bytes]
"""Key, whether it is an INTERVAL_END or the CATCHALL, and the other end of a range of fields."""


class Element:
    """`value` is data (of a map), `verdict` a decision, `object` a named one; `expires` is ns of the stack's clock, 0 never."""

    __slots__ = (
        "key",
        "key_end",
        "flags",
        "value",
        "verdict",
        "object",
        "timeout",
        "expires",
        "userdata",
        "expressions",
    )

    def __init__(self, key: bytes, key_end: bytes, flags: int) -> None:
        self.key = key
        self.key_end = key_end
        self.flags = flags
        self.value = b""
        self.verdict: Verdict | None = None
        self.object: NftObject | None = None
        self.timeout = 0
        self.expires = 0
        self.userdata = b""
        self.expressions: list[Expression] = []

    def identity(self) -> Key:
        """What no other element of the set has."""
        return self.key, self.flags, self.key_end

    def references(self) -> list[Referenced]:
        """What must stay while it is there."""
        found: list[Referenced] = []
        if self.verdict is not None:
            found += self.verdict.chains()
        if self.object is not None:
            found.append(self.object)
        return found


LOOK_NS: Final = 100_000_000


class NftSet(Referenced):
    """`key_len` and `data_len` in bytes; the types are the user's own business but for verdicts. `timeout` in ms.
    `fields` are the lengths of concatenated fields, `templates` what every element counts with."""

    def __init__(self, table: Table, ruleset: Ruleset, name: str, flags: int) -> None:
        super().__init__(name)
        self.table = table
        self.ruleset = ruleset
        self.flags = flags
        self.key_type = self.key_len = self.data_type = self.data_len = 0
        self.object_type = 0
        self.policy = 0
        self.size = 0
        self.timeout = 0
        self.gc_interval = 0
        self.fields: list[int] = []
        self.templates: list[Expression] = []
        self.elements: dict[Key, Element] = {}
        self._order: list[tuple[bytes, int]] | None = None
        self._timed = 0
        self._looked = 0  # when it was last looked for what has run out

    @property
    def ranges(self) -> bool:
        """Of concatenated fields, from one value to another each."""
        return bool(self.flags & INTERVAL and len(self.fields) > 1)

    def add(self, element: Element) -> None:
        """It is not there yet."""
        self.elements[element.identity()] = element
        self._order = None
        self._timed += element.expires != 0

    def remove(self, element: Element) -> None:
        """It is there."""
        del self.elements[element.identity()]
        self._order = None
        self._timed -= element.expires != 0

    def expire(self) -> None:
        """Forget what has run out, sooner or later: all of it is looked at only now and then."""
        now = self.ruleset.stack.clock.now_ns()
        if not self._timed or now < self._looked + LOOK_NS:
            return
        self._looked = now
        for element in [one for one in self.elements.values() if one.expires and one.expires <= now]:
            self.remove(element)
            self.ruleset.draw(-1)

    def held(self, identity: Key) -> Element | None:
        """The element that is this one; None, too, where it has run out."""
        element = self.elements.get(identity)
        if element is not None and element.expires and element.expires <= self.ruleset.stack.clock.now_ns():
            return None
        return element

    def forget(self, identity: Key) -> None:
        """One that may be there still, but has run out."""
        element = self.elements.get(identity)
        if element is not None:
            self.remove(element)
            self.ruleset.draw(-1)

    def there(self) -> list[Element]:
        """All that have not run out."""
        now = self.ruleset.stack.clock.now_ns()
        return [one for one in self.elements.values() if not one.expires or one.expires > now]

    def find(self, key: bytes) -> Element | None:
        """Which element a key matches."""
        element: Element | None = None
        if self.ranges:
            element = next((one for one in self.elements.values() if self._covers(one, key)), None)
        elif self.flags & INTERVAL:
            element = self._begins_before(key)
        else:
            element = self.elements.get((key, 0, b""))
        if element is None or (element.expires and element.expires <= self.ruleset.stack.clock.now_ns()):
            element = self.elements.get((b"", CATCHALL, b""))
        return element

    def _sorted(self) -> list[tuple[bytes, int]]:
        order = self._order
        if order is None:
            order = self._order = sorted(
                [
                    (one.key, 1 - (one.flags & INTERVAL_END))
                    for one in self.elements.values()
                    if not one.flags & CATCHALL
                ]
            )
        return order

    def _begins_before(self, key: bytes) -> Element | None:
        order = self._sorted()
        at = bisect_right(order, (key, 1)) - 1
        if at < 0 or not order[at][1]:
            return None
        return self.elements.get((order[at][0], 0, b""))

    def matching(self, wanted: Element) -> Element | None:
        """The element that begins, ends or is where this one is: nft_rbtree_get of a single get."""
        if not self.flags & INTERVAL or self.ranges or wanted.flags & CATCHALL:
            return self.elements.get(wanted.identity())
        if not wanted.flags & INTERVAL_END:
            return self._begins_before(wanted.key)
        order = self._sorted()
        at = bisect_left(order, (wanted.key, 0))
        if at == len(order) or order[at][1]:
            return None
        return self.elements.get((order[at][0], INTERVAL_END, b""))

    def _covers(self, element: Element, key: bytes) -> bool:
        if element.flags & CATCHALL:
            return False
        at = 0
        for size in self.fields:
            if (
                not element.key[at : at + size]
                <= key[at : at + size]
                <= (element.key_end or element.key)[at : at + size]
            ):
                return False
            at += (size + 3) & ~3
        return True

    def targets(self) -> Iterator[Chain]:
        """Where its verdicts lead."""
        for element in self.elements.values():
            if element.verdict is not None:
                yield from element.verdict.chains()


class Lookup(Expression):
    """Goes on when the register is (or, `inverted`, is not) in the set; of a map the value goes to register `at`, a
    verdict is taken."""

    def __init__(self, held: NftSet, source: int, at: int | None, verdict: bool, inverted: bool) -> None:
        super().__init__("lookup")
        self.set = held
        self.source = source
        self.at = at
        self.verdict = verdict
        self.inverted = inverted

    def evaluate(self, e: Evaluation) -> None:
        held = self.set
        if held.ranges and not e.takes(len(held.elements)):
            return
        element = held.find(bytes(e.registers[self.source : self.source + held.key_len]))
        if (element is not None) == self.inverted:
            e.code = BREAK
            return
        if element is None:
            return
        for expression in element.expressions:
            expression.evaluate(e)
            if e.code != CONTINUE:
                return
        if self.verdict:
            if element.verdict is not None:
                element.verdict.apply(e)
        elif self.at is not None:
            e.store(self.at, element.value)

    def references(self) -> list[Referenced]:
        return [self.set]

    def targets(self) -> list[Chain]:
        return list(self.set.targets()) if self.verdict else []


class ObjectReference(Expression):
    """Runs a named object: `object`, or the one that `map` has for register `source`."""

    def __init__(self, held: NftObject | None, table: NftSet | None, source: int) -> None:
        super().__init__("objref")
        self.object = held
        self.map = table
        self.source = source

    def evaluate(self, e: Evaluation) -> None:
        held = self.object
        if self.map is not None:
            if self.map.ranges and not e.takes(len(self.map.elements)):
                return
            element = self.map.find(bytes(e.registers[self.source : self.source + self.map.key_len]))
            held = element.object if element is not None else None
        if held is None:
            e.code = BREAK
        else:
            held.value.evaluate(e)

    def references(self) -> list[Referenced]:
        if self.object is not None:
            return [self.object]
        return [self.map] if self.map is not None else []


ADD, UPDATE, DELETE = range(3)


class DynamicSet(Expression):
    """Adds the register to a set, renews it there or deletes it; BREAK where there is no room."""

    def __init__(self, held: NftSet, op: int, source: int, data: int | None, timeout: int, inverted: bool) -> None:
        super().__init__("dynset")
        self.set = held
        self.op = op
        self.source = source
        self.data = data
        self.timeout = timeout
        self.inverted = inverted
        self.templates: list[Expression] = []

    def evaluate(self, e: Evaluation) -> None:
        held = self.set
        held.expire()
        key = bytes(e.registers[self.source : self.source + held.key_len])
        element = held.held((key, 0, b""))
        if element is None:
            held.forget((key, 0, b""))
        if self.op == DELETE:
            if element is not None:
                held.remove(element)
                held.ruleset.draw(-1)
        elif element is None:
            element = self._new(e, key)
        elif self.op == UPDATE and element.timeout:
            element.expires = e.owner.stack.clock.now_ns() + (self.timeout or element.timeout) * NS_PER_MS
        if element is None:
            e.code = CONTINUE if self.inverted else BREAK
            return
        if self.op != DELETE:
            for expression in element.expressions:
                expression.evaluate(e)
                if e.code != CONTINUE:
                    break
        if self.inverted:
            e.code = BREAK if e.code == CONTINUE else CONTINUE

    def _new(self, e: Evaluation, key: bytes) -> Element | None:
        held = self.set
        if held.size and len(held.elements) >= held.size:
            return None
        try:
            held.ruleset.draw(1)
        except NetworkError:
            return None
        element = Element(key, b"", 0)
        timeout = self.timeout or held.timeout
        if held.flags & TIMEOUT and timeout:
            element.timeout = timeout
            element.expires = e.owner.stack.clock.now_ns() + timeout * NS_PER_MS
        if self.data is not None:
            element.value = bytes(e.registers[self.data : self.data + held.data_len])
        element.expressions = [template.copy() for template in self.templates or held.templates]
        held.add(element)
        return element

    def references(self) -> list[Referenced]:
        return [self.set]
