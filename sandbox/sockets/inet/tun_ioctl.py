"""The ioctls of /dev/net/tun: which interface a file is the end of, and what that is like (drivers/net/tun.c:
__tun_chr_ioctl)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_NET_ADMIN
from sandbox.errors import SyscallError
from sandbox.sockets.inet.interface_change import IFREQ_SIZE, SIOCSIFHWADDR
from sandbox.sockets.inet.link_state import ARPHRD_ETHER, ARPHRD_NONE, carrier_changed
from sandbox.sockets.inet.own_links import (
    NAME_SIZE,
    announce,
    free_name,
    fresh_mac,
    name_in,
    own_link,
    packed_name,
    put,
    remove,
)
from sandbox.sockets.inet.tun import (
    IFF_MULTI_QUEUE,
    IFF_NO_PI,
    IFF_TAP,
    IFF_TUN,
    IFF_VNET_HDR,
    MOST_QUEUES,
    TunLink,
    TunQueue,
    shown_flags,
)
from tcpip.link.base import CAP_NO_ARP, CAP_TSO4, CAP_TSO6, CAP_TX_CSUM, CAP_USO
from tcpip.link.vnet import VNET_LEN

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.sockets.inet.tun_file import TunFile
    from tcpip.stack.nic import Nic

TUNSETNOCSUM: Final = 0x400454C8
TUNSETDEBUG: Final = 0x400454C9
TUNSETIFF: Final = 0x400454CA
TUNSETPERSIST: Final = 0x400454CB
TUNSETOWNER: Final = 0x400454CC
TUNSETLINK: Final = 0x400454CD
TUNSETGROUP: Final = 0x400454CE
TUNGETFEATURES: Final = 0x800454CF
TUNSETOFFLOAD: Final = 0x400454D0
TUNGETIFF: Final = 0x800454D2
TUNGETSNDBUF: Final = 0x800454D3
TUNSETSNDBUF: Final = 0x400454D4
TUNGETVNETHDRSZ: Final = 0x800454D7
TUNSETVNETHDRSZ: Final = 0x400454D8
TUNSETQUEUE: Final = 0x400454D9
TUNSETIFINDEX: Final = 0x400454DA
TUNSETVNETLE: Final = 0x400454DC
TUNGETVNETLE: Final = 0x800454DD
TUNSETCARRIER: Final = 0x400454E2
SIOCGIFHWADDR: Final = 0x8927

IFF_NAPI: Final = 0x10
IFF_NAPI_FRAGS: Final = 0x20
IFF_NO_CARRIER: Final = 0x40
IFF_ATTACH_QUEUE: Final = 0x200
IFF_DETACH_QUEUE: Final = 0x400
IFF_ONE_QUEUE: Final = 0x2000
IFF_TUN_EXCL: Final = 0x8000
KEPT: Final = IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE | IFF_NAPI | IFF_NAPI_FRAGS | IFF_NO_CARRIER
FEATURES: Final = IFF_TUN | IFF_TAP | IFF_ONE_QUEUE | KEPT

TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6, TUN_F_TSO_ECN, TUN_F_UFO, TUN_F_USO4, TUN_F_USO6 = 1, 2, 4, 8, 0x10, 0x20, 0x40


def ioctl(t: Task, file: TunFile, cmd: int, arg: int) -> int:
    """0. EBADFD before TUNSETIFF; EINVAL: no such command."""
    if cmd == TUNGETFEATURES:
        _give(t, arg, FEATURES)
    elif cmd == TUNSETIFINDEX:
        if file.end.link is not None:
            raise SyscallError(errno.EPERM)
        number = _take(t, arg)
        if number < 0:
            raise SyscallError(errno.EINVAL)
        file.index = number
    elif cmd == TUNSETQUEUE:
        _set_queue(t, file, int.from_bytes(t.copy_in(arg, IFREQ_SIZE)[NAME_SIZE : NAME_SIZE + 2], "little"))
    elif cmd == TUNSETIFF:
        if file.end.link is not None:
            raise SyscallError(errno.EEXIST)
        request = t.copy_in(arg, IFREQ_SIZE)
        t.copy_out(arg, packed_name(_set_interface(t, file, request)))
    else:
        link_of = file.end.link
        if link_of is None:
            raise SyscallError(errno.EBADFD)
        _of_interface(t, link_of, cmd, arg)
    return 0


def _of_interface(t: Task, link: TunLink, cmd: int, arg: int) -> None:
    nic = link.nic
    assert nic is not None
    if cmd == TUNGETIFF:
        t.copy_out(arg, packed_name(nic) + shown_flags(link).to_bytes(2, "little"))
    elif cmd in (TUNSETNOCSUM, TUNSETDEBUG):
        pass  # Linux has nothing behind them any more
    elif cmd == TUNSETPERSIST:
        link.persistent = arg != 0
    elif cmd in (TUNSETOWNER, TUNSETGROUP):
        ids = t.creds.user.uids if cmd == TUNSETOWNER else t.creds.user.gids
        number = ids.to_kernel(arg & 0xFFFFFFFF)
        if number == 0xFFFFFFFF:
            raise SyscallError(errno.EINVAL)
        if cmd == TUNSETOWNER:
            link.owner = number
        else:
            link.group = number
    elif cmd == TUNSETLINK:
        if nic.up:
            raise SyscallError(errno.EBUSY)
        if arg != (ARPHRD_ETHER if link.tap else ARPHRD_NONE):
            raise SyscallError(errno.EINVAL)  # other kinds of hardware: not here
    elif cmd == TUNSETOFFLOAD:
        link.capabilities = _offload(arg) | (0 if link.tap else CAP_NO_ARP)
        nic.set_link(link)
    elif cmd == TUNGETSNDBUF:
        _give(t, arg, link.send_buffer)
    elif cmd == TUNSETSNDBUF:
        size = _take(t, arg)
        if size <= 0:
            raise SyscallError(errno.EINVAL)
        link.send_buffer = size
    elif cmd == TUNGETVNETHDRSZ:
        _give(t, arg, link.header_size)
    elif cmd == TUNSETVNETHDRSZ:
        size = _take(t, arg)
        if not VNET_LEN <= size <= 1 << 12:
            raise SyscallError(errno.EINVAL)
        link.header_size = size
    elif cmd == TUNSETCARRIER:
        link.wants_carrier = _take(t, arg) != 0
        link.carrier_lost |= not link.wants_carrier
        carrier_changed(nic)
    else:
        _of_hardware(t, link, cmd, arg)


def _of_hardware(t: Task, link: TunLink, cmd: int, arg: int) -> None:
    """Byte order, and the address of the interface."""
    nic = link.nic
    assert nic is not None
    if cmd == TUNSETVNETLE:
        _take(t, arg)  # the only one here
    elif cmd == TUNGETVNETLE:
        _give(t, arg, 0)
    elif cmd == SIOCGIFHWADDR:
        kind = ARPHRD_ETHER if link.tap else ARPHRD_NONE
        t.copy_out(arg + NAME_SIZE, kind.to_bytes(2, "little") + (nic.mac or bytes(6)) + bytes(8))
    elif cmd == SIOCSIFHWADDR and link.tap:
        from sandbox.sockets.netlink import link_change

        link_change.set_mac(nic, link_change.station(t.copy_in(arg + NAME_SIZE, 8)[2:]))
    else:
        raise SyscallError(errno.EINVAL)


def _offload(wanted: int) -> int:
    """CAP_* of TUN_F_*: EINVAL (set_offload)."""
    capabilities = 0
    if wanted & TUN_F_CSUM:
        capabilities = CAP_TX_CSUM
        wanted &= ~TUN_F_CSUM
        if wanted & (TUN_F_TSO4 | TUN_F_TSO6):
            capabilities |= (CAP_TSO4 if wanted & TUN_F_TSO4 else 0) | (CAP_TSO6 if wanted & TUN_F_TSO6 else 0)
            wanted &= ~(TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)
        wanted &= ~TUN_F_UFO
        if wanted & TUN_F_USO4 and wanted & TUN_F_USO6:
            capabilities |= CAP_USO
            wanted &= ~(TUN_F_USO4 | TUN_F_USO6)
    if wanted:
        raise SyscallError(errno.EINVAL)
    return capabilities


# --- which interface ---


def _set_interface(t: Task, file: TunFile, request: bytes) -> Nic:
    """TUNSETIFF: attach to the interface of that name, or make it. EINVAL, EPERM, EBUSY, E2BIG, ENOSPC."""
    name = name_in(request)
    flags = int.from_bytes(request[NAME_SIZE : NAME_SIZE + 2], "little")
    network = file.net.network
    found = network.find_nic(name) if name else None
    if found is not None:
        link = own_link(found)
        if flags & IFF_TUN_EXCL:
            raise SyscallError(errno.EBUSY)
        if not isinstance(link, TunLink) or link.tap != (flags & (IFF_TUN | IFF_TAP) == IFF_TAP):
            raise SyscallError(errno.EINVAL)
        if bool(flags & IFF_MULTI_QUEUE) != bool(link.flags & IFF_MULTI_QUEUE):
            raise SyscallError(errno.EINVAL)
        _check_allowed(t, network, link)
        attach(link, file.end)
        link.flags = link.flags & ~KEPT | flags & KEPT
    else:
        if not t.creds.has_in(network.user(), CAP_NET_ADMIN):
            raise SyscallError(errno.EPERM)
        kind = flags & (IFF_TUN | IFF_TAP)
        if kind == IFF_TUN | IFF_TAP:
            kind = IFF_TUN
        if not kind:
            raise SyscallError(errno.EINVAL)
        link = TunLink(kind | flags & KEPT, fresh_mac(t.kernel) if kind == IFF_TAP else b"")
        nic = put(network, link, _free(network, name or ("tun%d" if kind == IFF_TUN else "tap%d")), file.index)
        link.wants_carrier = not flags & IFF_NO_CARRIER
        link.carrier_lost = not link.wants_carrier
        link.queues.append(file.end)
        file.end.link = link
        announce(nic)
        return nic
    assert link.nic is not None
    carrier_changed(link.nic)
    return link.nic


def _free(network: Network, pattern: str) -> str:
    """`tun%d` with the first number that is free."""
    if "%d" not in pattern:
        return pattern
    before, _, behind = pattern.partition("%d")
    if "%" in behind:
        raise SyscallError(errno.EINVAL)
    return free_name(network, before, behind)


def _check_allowed(t: Task, network: Network, link: TunLink) -> None:
    """tun_not_capable: EPERM for who is neither its owner nor of its group, nor privileged."""
    creds = t.creds
    mine = link.owner in (-1, creds.euid) and (link.group == -1 or creds.in_group(link.group))
    if not mine and not creds.has_in(network.user(), CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)


def attach(link: TunLink, end: TunQueue) -> None:
    """EBUSY: another file has its only queue; E2BIG."""
    if not link.flags & IFF_MULTI_QUEUE and (link.queues or link.unused):
        raise SyscallError(errno.EBUSY)
    if len(link.queues) + len(link.unused) >= MOST_QUEUES:
        raise SyscallError(errno.E2BIG)
    link.queues.append(end)
    end.link = link


def _set_queue(t: Task, file: TunFile, flags: int) -> None:
    """TUNSETQUEUE: take part, or no longer. EINVAL."""
    link, end = file.end.link, file.end
    if (
        link is None
        or not link.flags & IFF_MULTI_QUEUE
        or flags & (IFF_ATTACH_QUEUE | IFF_DETACH_QUEUE)
        not in (
            IFF_ATTACH_QUEUE,
            IFF_DETACH_QUEUE,
        )
    ):
        raise SyscallError(errno.EINVAL)
    if end.disabled == (flags & IFF_DETACH_QUEUE != 0):
        raise SyscallError(errno.EINVAL)
    if end.disabled:
        _check_allowed(t, file.net.network, link)
    source, target = (link.unused, link.queues) if end.disabled else (link.queues, link.unused)
    source.remove(end)
    target.append(end)
    end.disabled = not end.disabled
    if end.disabled:
        end.empty()


def detach(end: TunQueue) -> None:
    """The file is closed: the interface goes with its last one, unless it is persistent."""
    link = end.link
    end.link = None
    end.empty()
    if link is None:
        return
    (link.unused if end.disabled else link.queues).remove(end)
    nic = link.nic
    if nic is None or link.queues or link.unused:
        return
    if link.persistent:
        link.carrier_lost = True
        carrier_changed(nic)
    else:
        remove(nic)


def _give(t: Task, arg: int, value: int) -> None:
    t.copy_out(arg, value.to_bytes(4, "little", signed=True))


def _take(t: Task, arg: int) -> int:
    return int.from_bytes(t.copy_in(arg, 4), "little", signed=True)
