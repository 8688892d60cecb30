"""Expressions that move, change and compare registers.

Source: net/netfilter/nft_immediate.c, nft_cmp.c, nft_range.c, nft_bitwise.c, nft_byteorder.c, nft_numgen.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.filter.nft.machine import BREAK, GOTO, JUMP, Evaluation, Expression

if TYPE_CHECKING:
    from tcpip.filter.nft.ruleset import Chain, Referenced

EQ, NEQ, LT, LTE, GT, GTE = range(6)
MASK_XOR, LEFT_SHIFT, RIGHT_SHIFT = range(3)
INCREMENTAL, RANDOM = range(2)


class Verdict:
    """A decision, with the chain of a JUMP or GOTO."""

    __slots__ = ("code", "chain")

    def __init__(self, code: int, chain: Chain | None = None) -> None:
        self.code = code
        self.chain = chain

    def apply(self, e: Evaluation) -> None:
        """It is the packet's."""
        e.code = self.code
        e.chain = self.chain

    def chains(self) -> list[Chain]:
        """Where it leads."""
        return [self.chain] if self.chain is not None and self.code in (JUMP, GOTO) else []


class Immediate(Expression):
    """A constant into a register, or a verdict."""

    def __init__(self, at: int, value: bytes, verdict: Verdict | None) -> None:
        super().__init__("immediate")
        self.at = at
        self.value = value
        self.verdict = verdict

    def evaluate(self, e: Evaluation) -> None:
        if self.verdict is None:
            e.store(self.at, self.value)
        else:
            self.verdict.apply(e)

    def targets(self) -> list[Chain]:
        return self.verdict.chains() if self.verdict is not None else []

    def references(self) -> list[Referenced]:
        return [chain for chain in self.targets()]


class Compare(Expression):
    """Goes on when the register is EQ … GTE `value`, by bytes."""

    def __init__(self, at: int, op: int, value: bytes) -> None:
        super().__init__("cmp")
        self.at = at
        self.op = op
        self.value = value
        self.end = at + len(value)

    def evaluate(self, e: Evaluation) -> None:
        found = bytes(e.registers[self.at : self.end])
        op, value = self.op, self.value
        if op == EQ:
            holds = found == value
        elif op == NEQ:
            holds = found != value
        elif op == LT:
            holds = found < value
        elif op == LTE:
            holds = found <= value
        elif op == GT:
            holds = found > value
        else:
            holds = found >= value
        if not holds:
            e.code = BREAK


class Range(Expression):
    """Goes on when the register is (EQ) or is not (NEQ) from `low` to `high`."""

    def __init__(self, at: int, op: int, low: bytes, high: bytes) -> None:
        super().__init__("range")
        self.at = at
        self.op = op
        self.low = low
        self.high = high

    def evaluate(self, e: Evaluation) -> None:
        found = bytes(e.registers[self.at : self.at + len(self.low)])
        if (self.low <= found <= self.high) != (self.op == EQ):
            e.code = BREAK


class Bitwise(Expression):
    """(source & mask) ^ xor, or a shift by `shift` bits of words in the host's order, the first one the highest."""

    def __init__(self, source: int, at: int, length: int, op: int, mask: bytes, xor: bytes, shift: int) -> None:
        super().__init__("bitwise")
        self.source = source
        self.at = at
        self.length = length
        self.op = op
        self.mask = mask
        self.xor = xor
        self.shift = shift
        self._mask = int.from_bytes(mask, "big")
        self._xor = int.from_bytes(xor, "big")

    def evaluate(self, e: Evaluation) -> None:
        value = e.registers[self.source : self.source + self.length]
        if self.op == MASK_XOR:
            number = int.from_bytes(value, "big") & self._mask ^ self._xor
            e.store(self.at, number.to_bytes(self.length, "big"))
            return
        size = (self.length + 3) & ~3
        number = int.from_bytes(_words(bytes(e.registers[self.source : self.source + size])), "big")
        number = number << self.shift if self.op == LEFT_SHIFT else number >> self.shift
        number &= (1 << size * 8) - 1
        e.store(self.at, _words(number.to_bytes(size, "big")))


def _words(value: bytes) -> bytes:
    return b"".join([value[at : at + 4][::-1] for at in range(0, len(value), 4)])


class ByteOrder(Expression):
    """Turns every `size` bytes round; `op` says from which order to which, which is the same."""

    def __init__(self, source: int, at: int, op: int, length: int, size: int) -> None:
        super().__init__("byteorder")
        self.source = source
        self.at = at
        self.op = op
        self.length = length
        self.size = size

    def evaluate(self, e: Evaluation) -> None:
        value = bytes(e.registers[self.source : self.source + self.length])
        size = self.size
        e.store(self.at, b"".join([value[at : at + size][::-1] for at in range(0, len(value), size)]))


class NumberGenerator(Expression):
    """The next of `offset` to `offset + modulus - 1`, in turn or by chance."""

    def __init__(self, at: int, modulus: int, kind: int, offset: int) -> None:
        super().__init__("numgen")
        self.at = at
        self.modulus = modulus
        self.kind = kind
        self.offset = offset
        self._next = 0

    def evaluate(self, e: Evaluation) -> None:
        if self.kind == INCREMENTAL:
            number = self._next
            self._next = (number + 1) % self.modulus
        else:
            number = e.owner.stack.random.randrange(self.modulus)
        e.store(self.at, ((self.offset + number) & _U32).to_bytes(4, "little"))


_U32: Final = 0xFFFFFFFF
