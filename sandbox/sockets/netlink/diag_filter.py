"""The filters that ss(8) sends along: INET_DIAG_REQ_BYTECODE (include/uapi/linux/inet_diag.h, net/ipv4/inet_diag.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6
from sandbox.errors import SyscallError
from tcpip.addr import is_v4_mapped

if TYPE_CHECKING:
    from sandbox.sockets.inet.connections import Connection
    from tcpip.addr import SockAddr

NOP, JMP, S_GE, S_LE, D_GE, D_LE, AUTO, S_COND, D_COND = range(9)
S_EQ, D_EQ = 11, 12
_OP: Final = struct.Struct("<BBH")
_HOST: Final = struct.Struct("<BBxxi")
_PORTS: Final = frozenset((S_GE, S_LE, D_GE, D_LE, S_EQ, D_EQ))


class Step:
    """One instruction: where to go on if it holds and if not, as offsets in the program."""

    __slots__ = ("code", "yes", "no", "operand")

    def __init__(self, code: int, yes: int, no: int, operand: bytes) -> None:
        self.code = code
        self.yes = yes
        self.no = no
        self.operand = operand


def checked(code: bytes) -> dict[int, Step]:
    """The program by offset; empty: everything passes. EINVAL for one that could leave its bounds or not end. Conditions on
    marks, control groups and devices are not kept for sockets of the sandbox: EINVAL, and ss says so."""
    steps: dict[int, Step] = {}
    at, size = 0, len(code)
    if size % 4:
        raise SyscallError(errno.EINVAL)
    while at < size:
        op, yes, no = _OP.unpack_from(code, at)
        length = _length(code, at, op)
        if yes < length or yes % 4 or no < 4 or no % 4 or at + yes > size or at + no > size + 4:
            raise SyscallError(errno.EINVAL)
        steps[at] = Step(op, at + yes, at + no, code[at + 4 : at + length])
        at += yes
    for step in steps.values():
        if any(to < size and to not in steps for to in (step.yes, step.no)):
            raise SyscallError(errno.EINVAL)
    return steps


def _length(code: bytes, at: int, op: int) -> int:
    """Of an instruction with its operand; EINVAL."""
    if op in (NOP, JMP, AUTO):
        length = 4
    elif op in _PORTS:
        length = 8
    elif op in (S_COND, D_COND):
        length = 4 + _HOST.size
        if at + length > len(code):
            raise SyscallError(errno.EINVAL)
        family, bits, _ = _HOST.unpack_from(code, at + 4)
        size = {0: 0, AF_INET: 4, AF_INET6: 16}.get(family)
        if size is None or bits > 8 * size:
            raise SyscallError(errno.EINVAL)
        length += size
    else:
        raise SyscallError(errno.EINVAL)
    if at + length > len(code):
        raise SyscallError(errno.EINVAL)
    return length


def passes(steps: dict[int, Step], row: Connection) -> bool:
    """Run the program: it passes by ending at its end, and not by a jump beyond it."""
    at = 0
    while at in steps:
        step = steps[at]
        at = step.yes if _holds(step, row) else step.no
    return not steps or at == steps[next(reversed(steps))].yes


def _holds(step: Step, row: Connection) -> bool:
    code, operand = step.code, step.operand
    if code == NOP:
        return True
    if code == JMP:
        return False
    if code == AUTO:
        return row.inode != 0 and not row.is_listening() and row.peer.port != 0
    if code in (S_COND, D_COND):
        return _host(operand, row.own if code == S_COND else row.peer)
    wanted = int.from_bytes(operand[2:4], "little")  # the `no` of the operation that follows
    port = row.own.port if code in (S_GE, S_LE, S_EQ) else row.peer.port
    if code in (S_GE, D_GE):
        return port >= wanted
    if code in (S_LE, D_LE):
        return port <= wanted
    return port == wanted


def _host(operand: bytes, where: SockAddr) -> bool:
    """Port (-1: any) and the first bits of an address."""
    family: int
    bits: int
    port: int
    family, bits, port = _HOST.unpack_from(operand)
    addr = operand[_HOST.size :]
    mine = where.addr
    if port not in (-1, where.port):
        return False
    if family == 0 or bits == 0:
        return family in (0, AF_INET6 if len(mine) == 16 else AF_INET) or bits == 0
    if len(addr) == 4 and is_v4_mapped(mine):
        mine = mine[12:]
    shift = 8 * len(addr) - bits
    return len(mine) == len(addr) and int.from_bytes(mine, "big") >> shift == int.from_bytes(addr, "big") >> shift
