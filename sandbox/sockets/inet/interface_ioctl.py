"""The interface ioctls of any socket (netdevice(7)): SIOCGIF* from the stack's NICs; interface_change.py has those that change one."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET
from sandbox.errors import SyscallError
from sandbox.sockets.inet import interface_change
from sandbox.sockets.inet.bridge import BRIDGE_CALLS, bridge_ioctl
from sandbox.sockets.inet.interface_change import ADDRESSES, CHANGES, IFREQ_SIZE
from sandbox.sockets.inet.link_state import interface_flags, interface_type, queue_length
from sandbox.sockets.inet.own_links import NAME_SIZE, name_in, packed_name

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from tcpip.stack.nic import Nic

SIOCGIFNAME: Final = 0x8910
SIOCGIFCONF: Final = 0x8912
SIOCGIFFLAGS: Final = 0x8913
SIOCGIFADDR: Final = 0x8915
SIOCGIFDSTADDR: Final = 0x8917
SIOCGIFBRDADDR: Final = 0x8919
SIOCGIFNETMASK: Final = 0x891B
SIOCGIFMETRIC: Final = 0x891D
SIOCGIFMTU: Final = 0x8921
SIOCGIFHWADDR: Final = 0x8927
SIOCGIFINDEX: Final = 0x8933
SIOCGIFTXQLEN: Final = 0x8942
SIOCETHTOOL: Final = 0x8946
SIOCGIFMAP: Final = 0x8970
MAX_IFCONF: Final = 256  # entries that one SIOCGIFCONF returns at most

_INT: Final = struct.Struct("<i")
_POINTER: Final = struct.Struct("<Q")
_IFCONF: Final = struct.Struct("<i4xQ")
_SOCKADDR_IN: Final = struct.Struct("<HH4s8x")


def ioctl(t: Task, network: Network, cmd: int, arg: int, inet: bool = True) -> int:
    """dev_ioctl: 0. ENOTTY for a command that is not of an interface, ENODEV for an unknown name. `inet`: of a socket that knows
    IPv4's addresses."""
    if cmd == SIOCGIFCONF:
        return _ifconf(t, network, arg)
    if not inet and (cmd in ADDRESSES or cmd in _ADDRESS_GETTERS):
        t.copy_in(arg, IFREQ_SIZE)
        raise SyscallError(errno.ENOTTY)
    if cmd in CHANGES:
        interface_change.change(t, network, cmd, arg)
        return 0
    if cmd in BRIDGE_CALLS:
        return bridge_ioctl(t, network, cmd, arg)
    if cmd == SIOCGIFNAME:
        number = _INT.unpack_from(t.copy_in(arg, IFREQ_SIZE), NAME_SIZE)[0]
        nic = network.stack.nics.get(number)
        if nic is None:
            raise SyscallError(errno.ENODEV)
        t.copy_out(arg, packed_name(nic))
        return 0
    private = SIOCDEVPRIVATE <= cmd <= SIOCDEVPRIVATE + 15
    if cmd not in _GETTERS and cmd != SIOCETHTOOL and not private:
        if cmd >> 8 == 0x89:
            t.copy_in(arg, IFREQ_SIZE)  # sock_do_ioctl
        raise SyscallError(errno.ENOTTY)
    name = name_in(t.copy_in(arg, IFREQ_SIZE))
    alias = name.split(":", 1)[0]  # `eth0:1` of old
    nic = network.find_nic(alias)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    if private:  # tunnels', among others (dev_siocdevprivate)
        raise SyscallError(errno.EOPNOTSUPP)
    if cmd == SIOCETHTOOL:
        from sandbox.sockets.inet import ethtool

        return ethtool.ioctl(t, network, nic, _POINTER.unpack_from(t.copy_in(arg, IFREQ_SIZE), NAME_SIZE)[0])
    t.copy_out(arg + NAME_SIZE, _get(nic, cmd, name))
    return 0


SIOCDEVPRIVATE: Final = 0x89F0
_ADDRESS_GETTERS: Final = frozenset((SIOCGIFADDR, SIOCGIFDSTADDR, SIOCGIFBRDADDR, SIOCGIFNETMASK))
_GETTERS: Final = frozenset(
    (
        SIOCGIFFLAGS,
        SIOCGIFADDR,
        SIOCGIFDSTADDR,
        SIOCGIFBRDADDR,
        SIOCGIFNETMASK,
        SIOCGIFMETRIC,
        SIOCGIFMTU,
        SIOCGIFHWADDR,
        SIOCGIFINDEX,
        SIOCGIFTXQLEN,
    )
)


def _get(nic: Nic, cmd: int, label: str) -> bytes:
    """The answer's bytes, what of the union is meant. `label`: the name with what is behind its colon."""
    if cmd == SIOCGIFFLAGS:
        return struct.pack("<h", interface_flags(nic) & 0x7FFF)
    if cmd == SIOCGIFINDEX:
        return _INT.pack(nic.number)
    if cmd == SIOCGIFMTU:
        return _INT.pack(nic.mtu)
    if cmd == SIOCGIFMETRIC:
        return _INT.pack(0)
    if cmd == SIOCGIFTXQLEN:
        return _INT.pack(queue_length(nic))
    if cmd == SIOCGIFHWADDR:
        return struct.pack("<H14s", interface_type(nic), nic.mac)
    found = next((a for a in nic.addresses.values() if len(a.addr) == 4 and (a.label or nic.name) == label), None)
    if found is None:
        raise SyscallError(errno.EADDRNOTAVAIL)
    if cmd == SIOCGIFNETMASK:
        return _sockaddr((0xFFFFFFFF << (32 - found.prefix_len) & 0xFFFFFFFF).to_bytes(4, "big"))
    if cmd == SIOCGIFBRDADDR:
        return _sockaddr(found.broadcast if found.broadcast_told and not nic.loopback else b"")
    return _sockaddr(found.peer if cmd == SIOCGIFDSTADDR and found.peer else found.addr)


def _sockaddr(addr: bytes) -> bytes:
    return _SOCKADDR_IN.pack(AF_INET, 0, addr)


def _ifconf(t: Task, network: Network, arg: int) -> int:
    """SIOCGIFCONF: every IPv4 address; a null buffer asks for the length."""
    length, buffer = _IFCONF.unpack(t.copy_in(arg, _IFCONF.size))
    entries = [
        packed_name(nic) + _sockaddr(address.addr) + bytes(8)
        for nic in network.stack.nics.values()
        for address in nic.addresses.values()
        if len(address.addr) == 4
    ][:MAX_IFCONF]
    if buffer:
        entries = entries[: max(0, length) // IFREQ_SIZE]
        t.copy_out(buffer, b"".join(entries))
    t.copy_out(arg, _INT.pack(len(entries) * IFREQ_SIZE))
    return 0
