"""sock_diag(7) of Internet sockets: struct inet_diag_msg and what a request asks for behind it (net/ipv4/inet_diag.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final, Iterator

from sandbox.abi.linux.socket import AF_INET, AF_INET6, AF_UNSPEC
from sandbox.errors import SyscallError
from sandbox.sockets.inet.connections import Connection, connections
from sandbox.sockets.netlink import diag_filter
from sandbox.sockets.netlink import message as nl
from tcpip import sockopt as so
from tcpip.transport.tcp.endpoint import TcpEndpoint
from tcpip.transport.tcp.info import tcp_info
from tcpip.transport.tcp.state import TIME_WAIT

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.transport.endpoint import Endpoint

LISTED: Final = (so.IPPROTO_TCP, so.IPPROTO_UDP, so.IPPROTO_UDPLITE)
"""Protocols that are told of. Raw sockets are not, as without CONFIG_INET_RAW_DIAG: ss(8) finds them in /proc/net."""
INET_DIAG_REQ_BYTECODE: Final = 1
MEMINFO: Final = 1
INFO: Final = 2
CONG: Final = 4
TOS: Final = 5
TCLASS: Final = 6
SKMEMINFO: Final = 7
SHUTDOWN: Final = 8
SKV6ONLY: Final = 11
MARK: Final = 15
_REQUEST: Final = struct.Struct("<BBBBI2s2s16s16sI8s")
_OLD_REQUEST: Final = struct.Struct("<BxxB48sII")  # struct inet_diag_req; the last is of kernels long gone
_MESSAGE: Final = struct.Struct("<BBBBHH16s16sI8sIIIII")
_MEMORY: Final = struct.Struct("<4I")
_FACTS: Final = struct.Struct("<9I")
_ANY_COOKIE: Final = b"\xff" * 8


def answer_old(network: Network, request: Request, port: int) -> list[bytes] | Iterator[bytes]:
    """TCPDIAG_GETSOCK, which is about TCP of both families (inet_diag_rcv_msg_compat)."""
    if len(request.body) < _OLD_REQUEST.size:
        raise SyscallError(errno.EINVAL)
    family, wanted, identity, states, _ = _OLD_REQUEST.unpack_from(request.body)
    family = AF_UNSPEC if request.dump else family
    head = struct.pack("<BBBBI", family, so.IPPROTO_TCP, wanted, 0, states)
    request.body = head + identity + request.body[_OLD_REQUEST.size :]
    return answer(network, request, port)


def answer(network: Network, request: Request, port: int) -> list[bytes] | Iterator[bytes]:
    """The datagrams for one request: a dump, or the one connection that is named. SyscallError becomes NLMSG_ERROR."""
    if len(request.body) < _REQUEST.size:
        raise SyscallError(errno.EINVAL)
    family, protocol, wanted, _, states, *_ = _REQUEST.unpack_from(request.body)
    if protocol not in LISTED:
        if request.dump:
            return nl.dump(request, port, request.type, [], error=errno.ENOENT)
        raise SyscallError(errno.ENOENT)
    if not request.dump:
        for row in connections(network, family, protocol):
            if _is_named(row, request.body):
                return [nl.message(request.type, 0, request.seq, port, _body(row, wanted))]
        raise SyscallError(errno.ENOENT)
    code = request.attributes(_REQUEST.size).get(INET_DIAG_REQ_BYTECODE, b"")
    steps = diag_filter.checked(code)
    families = [one for one in (AF_INET, AF_INET6) if family in (one, AF_UNSPEC)]
    return nl.long_dump(request, port, request.type, _bodies(network, families, protocol, states, steps, wanted))


def _bodies(
    network: Network, families: list[int], protocol: int, states: int, steps: dict[int, diag_filter.Step], wanted: int
) -> Iterator[bytes]:
    for family in families:
        for row in connections(network, family, protocol):
            yield _body(row, wanted) if states >> row.state & 1 and diag_filter.passes(steps, row) else b""


def _is_named(row: Connection, body: bytes) -> bool:
    """By ports and addresses; a listener by its own port, and a cookie where there is one."""
    _, _, _, _, _, own_port, peer_port, own, peer, _, cookie = _REQUEST.unpack_from(body)
    size = len(row.own.addr)
    if int.from_bytes(own_port, "big") != row.own.port or int.from_bytes(peer_port, "big") != row.peer.port:
        return False
    if cookie not in (_ANY_COOKIE, _cookie(row)):
        return False
    same_peer = row.peer.addr == peer[: len(row.peer.addr)]
    return same_peer and (row.own.addr == own[:size] or not any(row.own.addr))


def _cookie(row: Connection) -> bytes:
    return row.inode.to_bytes(8, "little")


def _body(row: Connection, wanted: int) -> bytes:
    """struct inet_diag_msg and its attributes; those of bit n - 1 of `wanted` and the few that always come."""
    timer, expires = (3, row.left_ns // 1_000_000) if row.state == TIME_WAIT else (0, 0)
    head = _MESSAGE.pack(
        row.family,
        row.state,
        timer,
        0,
        _swapped(row.own.port),
        _swapped(row.peer.port),
        row.own.addr.ljust(16, b"\0"),
        row.peer.addr.ljust(16, b"\0"),
        0,
        _cookie(row),
        expires,
        row.received,
        row.unsent,
        row.uid,
        row.inode & 0xFFFFFFFF,
    )
    return head + b"".join(_attributes(row, wanted))


def _attributes(row: Connection, wanted: int) -> Iterator[bytes]:
    endpoint = row.endpoint
    if endpoint is None:
        return
    tcp = endpoint if isinstance(endpoint, TcpEndpoint) else None
    yield nl.u8(SHUTDOWN, tcp.shutdown_mask if tcp is not None else 0)
    if wanted >> TOS - 1 & 1:
        yield nl.u8(TOS, _option(endpoint, so.SOL_IP, so.IP_TOS))
    if row.family == AF_INET6:
        if wanted >> TCLASS - 1 & 1:
            yield nl.u8(TCLASS, _option(endpoint, so.SOL_IPV6, so.IPV6_TCLASS))
        yield nl.u8(SKV6ONLY, _option(endpoint, so.SOL_IPV6, so.IPV6_V6ONLY))
    facts = endpoint.memory_info()
    if wanted >> MEMINFO - 1 & 1:
        yield nl.attribute(MEMINFO, _MEMORY.pack(facts[0], facts[5], facts[4], facts[2]))
    if wanted >> SKMEMINFO - 1 & 1:
        yield nl.attribute(SKMEMINFO, _FACTS.pack(*(number & 0xFFFFFFFF for number in facts)))
    if tcp is not None:
        if wanted >> INFO - 1 & 1:
            yield nl.attribute(INFO, tcp_info(tcp))
        if wanted >> CONG - 1 & 1:
            yield nl.string(CONG, tcp.snd.cc.name)


def _option(endpoint: Endpoint, level: int, name: int) -> int:
    value = endpoint.get_option(level, name)
    return value if isinstance(value, int) else int.from_bytes(value[:4], "little")


def _swapped(port: int) -> int:
    return port >> 8 | (port & 0xFF) << 8
