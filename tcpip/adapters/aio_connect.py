"""The ways to a connected, listening or bound socket that loop methods and plain functions of asyncio's share."""

from __future__ import annotations

import collections
import functools
import itertools
import socket
from asyncio import staggered
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tcpip.adapters.names import INFO
from tcpip.adapters.stack_socket import Address, StackSocket

if TYPE_CHECKING:
    from tcpip.adapters.aio_loop import StackEventLoop


async def resolved(loop: StackEventLoop, host: Any, port: Any, **ask: int) -> list[INFO]:
    """OSError when there is nothing."""
    infos = await loop.getaddrinfo(host, port, **ask)
    if not infos:
        raise OSError("getaddrinfo() returned empty list")
    return infos


async def resolved_hosts(loop: StackEventLoop, host: Any, port: Any, family: int, flags: int) -> list[INFO]:
    """Of one host or several, each address once."""
    single = host is None or isinstance(host, str) or not isinstance(host, collections.abc.Iterable)
    hosts = [host or None] if single else host
    found: dict[INFO, None] = {}
    for name in hosts:
        infos = await resolved(loop, name, port, family=family, type=socket.SOCK_STREAM, flags=flags)
        found.update(dict.fromkeys(infos))
    return list(found)


def interleaved(infos: Sequence[INFO], first: int) -> list[INFO]:
    """RFC 8305 4: the families in turns, after `first` addresses of the first family."""
    by_family: dict[int, list[INFO]] = {}
    for info in infos:
        by_family.setdefault(info[0], []).append(info)
    lists = list(by_family.values())
    ahead, lists[0] = lists[0][: first - 1], lists[0][first - 1 :]
    return ahead + [info for turn in itertools.zip_longest(*lists) for info in turn if info is not None]


def _bind_to_one(sock: StackSocket, local: Iterable[INFO]) -> None:
    failure = OSError(f"no matching local address with family={sock.family!r} found")
    for family, _, _, _, address in local:
        if family != sock.family:
            continue
        try:
            sock.bind(address)
            return
        except OSError as error:
            why = (error.strerror or "").lower()
            failure = OSError(error.errno, f"error while attempting to bind on address {address!r}: {why}")
    raise failure


async def _connect(
    loop: StackEventLoop, failures: list[OSError], info: INFO, local: Sequence[INFO] | None
) -> StackSocket:
    family, kind, protocol, _, address = info
    try:
        sock = loop.new_socket(family, kind, protocol)
        try:
            if local is not None:
                _bind_to_one(sock, local)
            await loop.sock_connect(sock, address)  # type: ignore[arg-type]
        except BaseException:
            sock.close()
            raise
    except OSError as error:
        failures.append(error)
        raise
    return sock


async def connect_to_one(
    loop: StackEventLoop, infos: Sequence[INFO], local: Sequence[INFO] | None, delay: float | None, all_errors: bool
) -> StackSocket:
    """One address after the other or, with a delay, in a race (RFC 8305). OSError; of all, ExceptionGroup."""
    failures: list[OSError] = []
    sock: StackSocket | None = None
    if delay is None:
        for info in infos:
            try:
                sock = await _connect(loop, failures, info, local)
                break
            except OSError:
                continue
    else:
        attempts = [functools.partial(_connect, loop, failures, info, local) for info in infos]
        sock = (await staggered.staggered_race(attempts, delay, loop=loop))[0]
    if sock is not None:
        return sock
    try:
        if all_errors:
            raise ExceptionGroup("create_connection failed", failures)
        if len({str(error) for error in failures}) == 1:
            raise failures[0]
        raise OSError(f"Multiple exceptions: {', '.join(map(str, failures))}")
    finally:
        failures = []  # break the cycle through the traceback


def bound(
    loop: StackEventLoop, infos: Iterable[INFO], reuse_address: bool, reuse_port: bool, keep_alive: bool = False
) -> list[StackSocket]:
    """A socket for each address; those of IPv6 are of IPv6 only. OSError, with none left open."""
    sockets: list[StackSocket] = []
    try:
        for family, kind, protocol, _, address in infos:
            sock = loop.new_socket(family, kind, protocol)
            sockets.append(sock)
            for wanted, option in (
                (reuse_address, socket.SO_REUSEADDR),
                (reuse_port, socket.SO_REUSEPORT),
                (keep_alive, socket.SO_KEEPALIVE),
            ):
                if wanted:
                    sock.setsockopt(socket.SOL_SOCKET, option, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                sock.bind(address)
            except OSError as error:
                why = (error.strerror or "").lower()
                message = f"error while attempting to bind on address {address!r}: {why}"
                raise OSError(error.errno, message) from None
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


async def _pairs(
    loop: StackEventLoop, local_addr: Any, remote_addr: Any, family: int, proto: int, flags: int
) -> list[tuple[tuple[int, int], list[Address | None]]]:
    """(family, protocol) → local and remote address, of those that have all that was asked for."""
    if not local_addr and not remote_addr:
        if family == 0:
            raise ValueError("unexpected address family")
        return [((family, proto), [None, None])]
    found: dict[tuple[int, int], list[Address | None]] = {}
    for place, address in enumerate((local_addr, remote_addr)):
        if address is None:
            continue
        if not (isinstance(address, tuple) and len(address) == 2):
            raise TypeError("2-tuple is expected")
        ask = {"family": family, "type": socket.SOCK_DGRAM, "proto": proto, "flags": flags}
        for kind, _, protocol, _, resolved_address in await resolved(loop, *address, **ask):
            found.setdefault((kind, protocol), [None, None])[place] = resolved_address
    whole = [
        (key, pair)
        for key, pair in found.items()
        if not (local_addr and not pair[0]) and not (remote_addr and not pair[1])
    ]
    if not whole:
        raise ValueError("can not get address information")
    return whole


async def datagram_socket(
    loop: StackEventLoop,
    *,
    local_addr: Any,
    remote_addr: Any,
    family: int,
    proto: int,
    flags: int,
    reuse_port: bool | None,
    allow_broadcast: bool | None,
) -> tuple[StackSocket, Address | None]:
    """The first that can be had, and whom to send to when it may broadcast and so is not connected. OSError."""
    failure: OSError | None = None
    for (kind, protocol), (local, remote) in await _pairs(loop, local_addr, remote_addr, family, proto, flags):
        sock = None
        try:
            sock = loop.new_socket(kind, socket.SOCK_DGRAM, protocol)
            if reuse_port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if allow_broadcast:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if local:
                sock.bind(local)
            if remote and not allow_broadcast:
                await loop.sock_connect(sock, remote)  # type: ignore[arg-type]
            return sock, remote
        except BaseException as error:
            if sock is not None:
                sock.close()
            if not isinstance(error, OSError):
                raise
            failure = failure or error
    assert failure is not None
    raise failure
