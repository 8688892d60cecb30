"""Registers, values and verdicts in messages (nf_tables_api.c: nft_parse_register, nft_data_init)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter.attributes import Attributes, NfError, be32, nested
from tcpip.filter.nft.arithmetic import Verdict
from tcpip.filter.nft.machine import ACCEPT, BREAK, CONTINUE, DROP, GOTO, JUMP, REGISTERS, RETURN

if TYPE_CHECKING:
    from tcpip.filter.nft.ruleset import Chain, Ruleset, Table
    from tcpip.filter.nft.sets import NftSet

DATA_VERDICT: Final = 0xFFFFFF00
MAX_VALUE: Final = 64
_VALUE, _VERDICT = 1, 2
_CODE, _CHAIN, _CHAIN_ID = 1, 2, 3
_REG32_FIRST: Final = 8
_REG32_LAST: Final = 23


class Context:
    """What names in a message stand for. `sets` and `chains` are those of this batch by id."""

    __slots__ = ("ruleset", "table", "chain", "sets", "chains")

    def __init__(self, ruleset: Ruleset, table: Table, sets: dict[int, NftSet], chains: dict[int, Chain]) -> None:
        self.ruleset = ruleset
        self.table = table
        self.chain: Chain | None = None
        self.sets = sets
        self.chains = chains


def is_verdict_register(a: Attributes, kind: int) -> bool:
    """It is NFT_REG_VERDICT."""
    return a.u32(kind) == 0


def register(a: Attributes, kind: int, length: int) -> int:
    """The byte where a register begins, which is to hold `length` bytes. EINVAL, ERANGE."""
    number = a.u32(kind)
    if 1 <= number <= 4:
        at = (number - 1) * 16
    elif _REG32_FIRST <= number <= _REG32_LAST:
        at = (number - _REG32_FIRST) * 4
    else:
        raise NfError(errno.EINVAL if number == 0 else errno.ERANGE)
    if length <= 0:
        raise NfError(errno.EINVAL)
    if at + length > REGISTERS:
        raise NfError(errno.ERANGE)
    return at


def optional_register(a: Attributes, kind: int, length: int) -> int | None:
    """The same where it may be left out."""
    return register(a, kind, length) if kind in a else None


def put_register(kind: int, at: int) -> bytes:
    """The opposite, as nft_dump_register does it."""
    return be32(kind, at // 16 + 1 if at % 16 == 0 else _REG32_FIRST + at // 4)


def value(a: Attributes, kind: int, length: int = -1) -> bytes:
    """A value of 1 to 64 bytes, of `length` unless that is -1. EINVAL."""
    found = a.nested(kind).get(_VALUE)
    if not 1 <= len(found) <= MAX_VALUE or (length >= 0 and len(found) != length):
        raise NfError(errno.EINVAL)
    return found


def verdict(ctx: Context, a: Attributes, kind: int) -> Verdict:
    """EINVAL, ENOENT for a chain that is not there, EOPNOTSUPP for a base chain."""
    inner = a.nested(kind).nested(_VERDICT)
    code = inner.s32(_CODE)
    if code in (ACCEPT, DROP, CONTINUE, BREAK, RETURN):
        return Verdict(code)
    if code not in (JUMP, GOTO):
        raise NfError(errno.EINVAL)
    if _CHAIN in inner:
        chain = ctx.table.chains.get(inner.text(_CHAIN))
    elif _CHAIN_ID in inner:
        chain = ctx.chains.get(inner.u32(_CHAIN_ID))
    else:
        raise NfError(errno.EINVAL)
    if chain is None:
        raise NfError(errno.ENOENT)
    if chain.hook:
        raise NfError(errno.EOPNOTSUPP)
    return Verdict(code, chain)


def holds_verdict(a: Attributes, kind: int) -> bool:
    """It is a verdict, and no value."""
    return _VERDICT in a.nested(kind)


def put_value(kind: int, found: bytes) -> bytes:
    return nested(kind, nl.attribute(_VALUE, found))


def put_verdict(kind: int, found: Verdict) -> bytes:
    chain = nl.string(_CHAIN, found.chain.name) if found.chain is not None else b""
    return nested(kind, nested(_VERDICT, be32(_CODE, found.code), chain))
