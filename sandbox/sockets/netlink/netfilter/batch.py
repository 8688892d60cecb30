"""What handlers of nf_tables' messages share: the message, the batch that it is part of, the namespace's ruleset."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Callable, Final, TypeVar

from sandbox.sockets.netlink.netfilter.attributes import Attributes, NfError
from sandbox.sockets.netlink.netfilter.data import Context
from tcpip.filter.nft.machine import FAMILY_INET, FAMILY_IPV4, FAMILY_IPV6
from tcpip.filter.nft.ruleset import Referenced, Ruleset

if TYPE_CHECKING:
    from sandbox.sockets.netlink.message import Request
    from tcpip.filter.nft.ruleset import Chain, Table
    from tcpip.filter.nft.sets import NftSet
    from tcpip.stack.stack import Stack

MAX_EFFORT: Final = 1 << 20
"""Rules that are looked at to find the message of a batch that is to blame for a circle."""
K = TypeVar("K")
R = TypeVar("R", bound=Referenced)

GENMSG: Final = struct.Struct(">BBH")
SUBSYS_NFTABLES: Final = 10
FAMILIES: Final = frozenset((FAMILY_INET, FAMILY_IPV4, FAMILY_IPV6))

NLM_F_NONREC: Final = 0x100
NLM_F_APPEND: Final = 0x800
NLM_F_ECHO: Final = 8

(
    NEWTABLE,
    GETTABLE,
    DELTABLE,
    NEWCHAIN,
    GETCHAIN,
    DELCHAIN,
    NEWRULE,
    GETRULE,
    DELRULE,
    NEWSET,
    GETSET,
    DELSET,
    NEWSETELEM,
    GETSETELEM,
    DELSETELEM,
    NEWGEN,
    GETGEN,
    TRACE,
    NEWOBJ,
    GETOBJ,
    DELOBJ,
    GETOBJ_RESET,
    NEWFLOWTABLE,
    GETFLOWTABLE,
    DELFLOWTABLE,
    GETRULE_RESET,
) = range(26)


class Message:
    """One request of nfnetlink."""

    __slots__ = ("kind", "flags", "seq", "family", "attributes", "dump", "raw")

    def __init__(self, request: Request) -> None:
        """EINVAL when it is too short or its attributes are broken."""
        raw = request.raw
        if len(raw) < 20:
            raise NfError(errno.EINVAL)
        self.raw = raw
        self.kind = request.type & 0xFF
        self.flags = request.flags
        self.seq = request.seq
        self.dump = request.dump
        self.family = raw[16]
        self.attributes = Attributes(raw, 20, len(raw))


def in_order(held: dict[K, R]) -> list[R]:
    """As they were made."""
    return sorted(held.values(), key=lambda one: one.handle)


class Nftables:
    """The ruleset of one network namespace, and who changed it last."""

    __slots__ = ("ruleset", "pid", "program")

    def __init__(self, stack: Stack) -> None:
        self.ruleset = Ruleset(stack)
        self.pid = 0
        self.program = ""

    @property
    def now(self) -> int:
        """The stack's clock, ns."""
        return self.ruleset.stack.clock.now_ns()

    def genmsg(self, family: int) -> bytes:
        """struct nfgenmsg of what the kernel says."""
        return GENMSG.pack(family, 0, self.ruleset.generation & 0xFFFF)

    def table(self, m: Message, kind: int) -> Table:
        """The table that a message names. ENOENT."""
        table = self.ruleset.tables.get((m.family, m.attributes.text(kind)))
        if table is None:
            raise m.attributes.bad(kind, errno.ENOENT)
        return table

    def tables(self, family: int) -> list[Table]:
        """Of a family, 0 for all."""
        return [table for table in in_order(self.ruleset.tables) if family in (0, table.family)]


class Batch:
    """A transaction: ids that only it knows, and what is to be told when it is done: kind, flags, body and whether the
    request asked for an echo."""

    __slots__ = (
        "nft",
        "ruleset",
        "sets",
        "chains",
        "told",
        "check_each",
        "effort",
        "numbers",
        "looked",
        "heard",
        "touched",
    )

    def __init__(self, nft: Nftables, check_each: bool, heard: bool) -> None:
        self.nft = nft
        self.ruleset = nft.ruleset
        self.sets: dict[int, NftSet] = {}
        self.chains: dict[int, Chain] = {}
        self.told: list[tuple[int, int, bytes, Message]] = []
        self.check_each = check_each
        self.heard = heard
        self.touched: set[NftSet] = set()  # whose elements that have run out can go afterwards
        self.effort = MAX_EFFORT
        self.numbers: dict[tuple[Table, str], int] = {}  # below that no name of the pattern is free
        self.looked = 0

    def context(self, table: Table) -> Context:
        """For expressions in messages about this table."""
        return Context(self.ruleset, table, self.sets, self.chains)

    def tell(self, m: Message, kind: int, body: Callable[[], bytes], flags: int = 0) -> None:
        """A notification of what is so now, once the batch is committed; not made when nobody hears of it."""
        if self.heard or m.flags & NLM_F_ECHO:
            self.told.append((kind, flags, body(), m))

    def looks(self, count: int) -> None:
        """A message that concerns everything of a kind, of which there is so much. ENOMEM for a batch of very many such."""
        self.looked += count
        if self.looked > MAX_EFFORT:
            raise NfError(errno.ENOMEM)

    def checked(self, table: Table) -> None:
        """After a step that may make chains call each other in a circle: see `Ruleset.check`."""
        if self.check_each and self.effort > 0:
            self.effort -= 1 + self.ruleset.check(table)
