"""Interfaces that a guest with CAP_NET_ADMIN makes: `dummy`, which takes what is sent, and `bridge` without ports
(ip-link(8); drivers/net/dummy.c, net/bridge/br_ioctl.c). Neither leads anywhere; addresses and routes on them are the guest's."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_NET_ADMIN
from sandbox.errors import SyscallError
from sandbox.sockets.net_errno import syscall_error
from tcpip.errors import NetworkError
from tcpip.link.base import LinkEndpoint

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task
    from tcpip.buffer import TxPacket
    from tcpip.stack.nic import Nic

SIOCBRADDBR: Final = 0x89A0
SIOCBRDELBR: Final = 0x89A1
SIOCBRADDIF: Final = 0x89A2
SIOCBRDELIF: Final = 0x89A3
BRIDGE_CALLS: Final = frozenset((SIOCBRADDBR, SIOCBRDELBR, SIOCBRADDIF, SIOCBRDELIF))
NAME_SIZE: Final = 16
LINKS_MOST: Final = 64  # of a network
MTU: Final = 1500
BRIDGE: Final = "bridge"
DUMMY: Final = "dummy"
KINDS: Final = (BRIDGE, DUMMY)


class OwnLink(LinkEndpoint):
    """Nobody is at the other end."""

    def __init__(self, kind: str, mac: bytes) -> None:
        super().__init__(MTU, mac, 0)
        self.kind = kind

    def write_packets(self, batch: list[TxPacket]) -> int:
        return len(batch)


def kind_of(nic: Nic) -> str:
    """Empty for what the sandbox has."""
    return nic.link.kind if isinstance(nic.link, OwnLink) else ""


def add(kernel: Kernel, network: Network, kind: str, name: str, mac: bytes = b"") -> Nic:
    """Down, without addresses. EINVAL, EEXIST; ENOSPC when there are too many."""
    stack = network.stack
    if name and (len(name) >= NAME_SIZE or name in (".", "..") or any(c in "/:" or c.isspace() for c in name)):
        raise SyscallError(errno.EINVAL)
    if sum(1 for nic in stack.nics.values() if kind_of(nic)) >= LINKS_MOST:
        raise SyscallError(errno.ENOSPC)
    if not name:
        name = next(free for n in range(LINKS_MOST + 1) if not stack.find_nic(free := f"{kind}{n}"))
    if stack.find_nic(name) is not None:
        raise SyscallError(errno.EEXIST)
    if not mac:
        raw = kernel.random(6)
        mac = bytes([raw[0] & 0xFC | 2]) + raw[1:]  # local, of one station
    try:
        nic = stack.add_nic(OwnLink(kind, mac), name)
    except NetworkError as error:
        raise syscall_error(error) from None
    nic.set_up(False)
    return nic


def bridge_ioctl(t: Task, network: Network, cmd: int, arg: int) -> int:
    """br_ioctl_stub. EPERM, EEXIST, ENXIO for a bridge that is not there, EBUSY for one that is up."""
    if not t.creds.has_in(network.user(), CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)
    name = t.copy_in(arg, NAME_SIZE)[: NAME_SIZE - 1].split(b"\0", 1)[0].decode("latin-1")
    if cmd == SIOCBRADDBR:
        if not name:
            raise SyscallError(errno.EINVAL)
        add(t.kernel, network, BRIDGE, name)
        return 0
    nic = network.find_nic(name)
    if cmd in (SIOCBRADDIF, SIOCBRDELIF):
        if nic is None:
            raise SyscallError(errno.ENODEV)
        raise SyscallError(errno.EOPNOTSUPP)  # there is no port that could be given away
    if nic is None:
        raise SyscallError(errno.ENXIO)
    if kind_of(nic) != BRIDGE:
        raise SyscallError(errno.EPERM)
    if nic.up:
        raise SyscallError(errno.EBUSY)
    network.stack.remove_nic(nic)
    return 0
