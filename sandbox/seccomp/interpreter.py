"""Runs a checked filter over one system call: struct seccomp_data as a program sees it (include/uapi/linux/seccomp.h)."""

from __future__ import annotations

from typing import Final, Sequence

from sandbox.abi.linux.seccomp import SECCOMP_DATA_SIZE
from tcpip.bpf import interpreter
from tcpip.bpf.interpreter import FilterInput
from tcpip.bpf.opcodes import Insn

_CALL_ONLY: Final = 8  # below this offset are the number and the architecture, which a call's number decides


class CallInput(FilterInput):
    """`words`: struct seccomp_data as 16 words, read whole and in the machine's order. `pure`: nothing but the call's
    number has been looked at."""

    __slots__ = ("words", "pure")

    def __init__(self, words: Sequence[int]) -> None:
        super().__init__(SECCOMP_DATA_SIZE)
        self.words = words
        self.pure = True

    def load(self, offset: int, size: int) -> int:
        if offset >= _CALL_ONLY:
            self.pure = False
        return self.words[offset >> 2]


class Run:
    """One run: its `value`, and whether nothing but the call's number could have changed it (`pure`)."""

    __slots__ = ("value", "pure")

    def __init__(self, value: int, pure: bool) -> None:
        self.value = value
        self.pure = pure


def run(program: Sequence[Insn], words: Sequence[int]) -> Run:
    """One program over one call."""
    data = CallInput(words)
    value = interpreter.run(program, data)
    return Run(value, data.pure)
