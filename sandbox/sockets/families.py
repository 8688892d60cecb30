"""Which protocol families there are. Each is loaded when the first socket of it is made."""

from __future__ import annotations

import errno
from typing import Callable, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6, AF_MAX, AF_NETLINK, AF_PACKET, AF_UNIX
from sandbox.errors import SyscallError
from sandbox.sockets.base import Family


def _unix() -> Family:
    from sandbox.sockets.unix.family import UnixFamily

    return UnixFamily()


def _inet() -> Family:
    from sandbox.sockets.inet.family import InetFamily

    return InetFamily(AF_INET)


def _inet6() -> Family:
    from sandbox.sockets.inet.family import InetFamily

    return InetFamily(AF_INET6)


def _netlink() -> Family:
    from sandbox.sockets.netlink.family import NetlinkFamily

    return NetlinkFamily()


def _packet() -> Family:
    from sandbox.sockets.packet.family import PacketFamily

    return PacketFamily()


LOADERS: Final[dict[int, Callable[[], Family]]] = {
    AF_UNIX: _unix,
    AF_INET: _inet,
    AF_INET6: _inet6,
    AF_NETLINK: _netlink,
    AF_PACKET: _packet,
}


def find_family(number: int) -> Family:
    """The family `number`; EAFNOSUPPORT."""
    if not 0 <= number < AF_MAX:
        raise SyscallError(errno.EAFNOSUPPORT)
    loader = LOADERS.get(number)
    if loader is None:
        raise SyscallError(errno.EAFNOSUPPORT)
    return loader()
