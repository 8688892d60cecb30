"""SO_ATTACH_FILTER: a classic BPF program that drops, cuts off or lets through what comes in for an endpoint.

The option's value is the program itself: its instructions as an array of struct sock_filter, 8 bytes each.
Source: socket(7), net/core/filter.c: sk_attach_filter, sk_detach_filter, sk_filter_trim_cap.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.bpf.check import InvalidProgram, check
from tcpip.bpf.interpreter import run
from tcpip.bpf.opcodes import BPF_MAXINSNS, Insn
from tcpip.bpf.packet import PacketInput
from tcpip.buffer import RxPacket
from tcpip.errors import NetworkError

if TYPE_CHECKING:
    from random import Random

    from tcpip.transport.socket_options import SocketOptions

TOO_MANY: Final = -2
SOCK_FILTER: Final = struct.Struct("<HBBI")


@lru_cache(maxsize=32)
def _decoded(program: bytes) -> tuple[Insn, ...]:
    """As the interpreter wants it: 20 times as large, so only those in use are kept so."""
    return tuple(SOCK_FILTER.iter_unpack(program))


def passes(options: SocketOptions, pkt: RxPacket, start: int, header: int, random: Random) -> int:
    """Where what the filter lets through of data[start:end] ends, at least `header` bytes on; -1: nowhere, drop it; TOO_MANY:
    so many others have the packet looked at that there is no time for this one.

    Deviates: a packet is lost for those that come after `PROGRAMS_MOST` instructions of other sockets' programs."""
    program = options.filter
    if not options.buffers.toil.meets(pkt, program):
        return TOO_MANY
    keep = run_program(program, pkt, start, random)
    return min(pkt.end, start + max(keep, header)) if keep else -1


def run_program(program: bytes, pkt: RxPacket, start: int, random: Random) -> int:
    """What a program says of data[start:end]."""
    return run(_decoded(program), PacketInput(pkt, start, random))


def checked_program(value: int | bytes) -> bytes:
    """A program that can be run. INVALID_ARGUMENT."""
    if isinstance(value, int) or len(value) % SOCK_FILTER.size or len(value) > BPF_MAXINSNS * SOCK_FILTER.size:
        raise NetworkError(errors.INVALID_ARGUMENT)
    try:
        check(_decoded(value))
    except InvalidProgram:
        raise NetworkError(errors.INVALID_ARGUMENT) from None
    return value


def set_filter(options: SocketOptions, name: int, value: int | bytes) -> None:
    """SO_ATTACH_FILTER, SO_DETACH_FILTER. NOT_PERMITTED when locked, INVALID_ARGUMENT, NO_SUCH_FILE."""
    if options.filter_locked:
        raise NetworkError(errors.NOT_PERMITTED)
    if name == so.SO_DETACH_FILTER:
        if not options.filter:
            raise NetworkError(errors.NO_SUCH_FILE)
        options.filter = b""
        return
    options.filter = checked_program(value)
    options.buffers.toil.used = True


def lock_filter(options: SocketOptions, on: bool) -> None:
    """SO_LOCK_FILTER: once set it stays. NOT_PERMITTED."""
    if options.filter_locked and not on:
        raise NetworkError(errors.NOT_PERMITTED)
    options.filter_locked = on
