"""struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)), and the stack's `SockAddr`."""

from __future__ import annotations

import errno
import struct
from typing import Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6, AF_UNSPEC
from sandbox.errors import SyscallError
from tcpip.addr import SockAddr, v4_mapped

_FAMILY: Final = struct.Struct("<H")
_IN: Final = struct.Struct("<H2s4s8x")
_IN6: Final = struct.Struct("<H2sI16sI")  # flowinfo is kept as it lies in memory
IN_SIZE: Final = 16
IN6_MIN: Final = 24  # SIN6_LEN_RFC2133: without the scope id
IN6_SIZE: Final = 28


def family_of(raw: bytes) -> int:
    """sa_family; EINVAL when there is none."""
    if len(raw) < 2:
        raise SyscallError(errno.EINVAL)
    family: int = _FAMILY.unpack_from(raw)[0]
    return family


def decode(raw: bytes, family: int) -> SockAddr | None:
    """An address for a socket of `family`; None for AF_UNSPEC.

    EINVAL when it is too short, EAFNOSUPPORT when it is of another family.
    """
    given = family_of(raw)
    if given == AF_UNSPEC:
        return None
    if family == AF_INET:
        if len(raw) < IN_SIZE:
            raise SyscallError(errno.EINVAL)
        if given != AF_INET:
            raise SyscallError(errno.EAFNOSUPPORT)
        _, port, addr = _IN.unpack_from(raw)
        return SockAddr(addr, int.from_bytes(port, "big"))
    if len(raw) < IN6_MIN:
        raise SyscallError(errno.EINVAL)
    if given != AF_INET6:
        raise SyscallError(errno.EAFNOSUPPORT)
    _, port, flow, addr, scope = _IN6.unpack_from(raw.ljust(IN6_SIZE, b"\0"))
    return SockAddr(addr, int.from_bytes(port, "big"), scope, flow)


def decode_mapped(raw: bytes) -> SockAddr:
    """A sockaddr_in that is given to an AF_INET6 socket, as the IPv4-mapped address it stands for."""
    where = decode(raw, AF_INET)
    assert where is not None
    return SockAddr(v4_mapped(where.addr), where.port)


def encode(address: SockAddr) -> bytes:
    """The raw form; 16 or 28 bytes."""
    port = address.port.to_bytes(2, "big")
    if len(address.addr) == 4:
        return _IN.pack(AF_INET, port, address.addr)
    return _IN6.pack(AF_INET6, port, address.flowinfo, address.addr, address.scope_id)
