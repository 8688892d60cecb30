"""The policy table of RFC 6724 2.1: labels of IPv6 prefixes, by which a source is chosen for a destination (ip-addrlabel(8))."""

from __future__ import annotations

from typing import Final

from tcpip.addr import in_prefix, masked, parse

NO_LABEL: Final = 0xFFFFFFFF  # IPV6_ADDR_LABEL_DEFAULT: no row holds
ROWS_MOST: Final = 1024
_BEGINNING: Final = (
    ("::1", 128, 0),
    ("::", 96, 3),
    ("::ffff:0:0", 96, 4),
    ("2001::", 32, 6),
    ("2001:10::", 28, 7),
    ("3ffe::", 16, 12),
    ("2002::", 16, 2),
    ("fec0::", 10, 11),
    ("fc00::", 7, 5),
    ("::", 0, 1),
)
"""With the numbers of Linux, which go by RFC 3484 and RFC 5220 (net/ipv6/addrlabel.c)."""


class PolicyRow:
    """`number`: of the interface that it is about, 0 for all."""

    __slots__ = ("prefix", "length", "number", "label")

    def __init__(self, prefix: bytes, length: int, number: int, label: int) -> None:
        self.prefix = prefix
        self.length = length
        self.number = number
        self.label = label


class PolicyTable:
    """The first row that holds counts: the longest prefix, and of equals one that is about an interface. `changes` counts them."""

    __slots__ = ("rows", "changes")

    def __init__(self) -> None:
        self.rows = [PolicyRow(parse(prefix), length, 0, label) for prefix, length, label in _BEGINNING]
        self.changes = len(self.rows)

    def find(self, addr: bytes, number: int = 0) -> PolicyRow | None:
        """The row for an address, of or behind that interface."""
        for row in self.rows:
            if row.number in (0, number) and in_prefix(addr, row.prefix, row.length):
                return row
        return None

    def label(self, addr: bytes, number: int = 0) -> int:
        """Its label."""
        row = self.find(addr, number)
        return row.label if row is not None else NO_LABEL

    def row(self, prefix: bytes, length: int, number: int) -> PolicyRow | None:
        """The row of that very prefix."""
        prefix = masked(prefix, length)
        for row in self.rows:
            if row.length == length and row.number == number and row.prefix == prefix:
                return row
        return None

    def put(self, prefix: bytes, length: int, number: int, label: int) -> None:
        """In place of the one of that prefix, else before those that are less particular (__ip6addrlbl_add)."""
        self.changes += 1
        there = self.row(prefix, length, number)
        if there is not None:
            there.label = label
            return
        at = 0
        for row in self.rows:
            if row.length < length or (row.length == length and not row.number):
                break
            at += 1
        self.rows.insert(at, PolicyRow(masked(prefix, length), length, number, label))

    def remove(self, row: PolicyRow) -> None:
        """It is no more."""
        self.rows.remove(row)


DEFAULT: Final = PolicyTable()
