"""The numbers by which a network namespace knows others (ip-netns(8), net/core/net_namespace.c), and how requests name one."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.net_namespace import NetNamespace
    from sandbox.kernel.task import Task

RTM_NEWNSID: Final = 88
NETNSA_NSID, NETNSA_PID, NETNSA_FD = 1, 2, 3
NOT_ASSIGNED: Final = -1
_HEADER: Final = 4  # struct rtgenmsg, padded
_INT: Final = struct.Struct("<i")
Attributes = dict[int, bytes]


def _number(value: bytes) -> int:
    if len(value) < 4:
        raise SyscallError(errno.EINVAL)
    return int(_INT.unpack_from(value)[0])


def named(t: Task, attributes: Attributes, by_pid: int, by_fd: int) -> NetNamespace | None:
    """The namespace of a process or of an open file; None when the request has neither. ESRCH, EBADF, EINVAL."""
    from sandbox.fs.nsfs.filesystem import NsFile
    from sandbox.kernel.net_namespace import NetNamespace

    if by_pid in attributes:
        task = t.pids.tasks.get(_number(attributes[by_pid]))
        if task is None or task.mm is None:
            raise SyscallError(errno.ESRCH)
        return task.ns.net
    if by_fd not in attributes:
        return None
    file = t.fds.get(_number(attributes[by_fd]) & 0xFFFFFFFF)
    if not isinstance(file, NsFile) or not isinstance(file.ns.namespace, NetNamespace):
        raise SyscallError(errno.EINVAL)
    return file.ns.namespace


def id_of(network: Network, other: Network) -> int:
    """`network`'s number for `other`; it has one from now on (peernet2id_alloc)."""
    known = network.ids.get(other)
    if known is None and other.ended:
        return NOT_ASSIGNED
    return known if known is not None else _assign(network, other, _free(network))


def _free(network: Network) -> int:
    taken = set(network.ids.values())
    return next(number for number in range(len(taken) + 1) if number not in taken)


def _assign(network: Network, other: Network, number: int) -> int:
    network.ids[other] = number
    other.observers.add(network)
    if network.notifier is not None:
        network.notifier.namespace(True, _body(number))
    return number


def forget(network: Network) -> None:
    """The namespace ends."""
    network.ended = True
    for observer in network.observers:
        number = observer.ids.pop(network, None)
        if number is not None and observer.notifier is not None:
            observer.notifier.namespace(False, _body(number))
    for other in network.ids:
        other.observers.discard(network)


def _body(number: int) -> bytes:
    return bytes(_HEADER) + nl.attribute(NETNSA_NSID, _INT.pack(number))


def get(t: Task, network: Network, request: nl.Request, port: int) -> list[bytes]:
    """RTM_GETNSID (rtnl_net_getid)."""
    if request.dump:
        return nl.dump(request, port, RTM_NEWNSID, [_body(number) for number in sorted(network.ids.values())])
    attributes = request.attributes(_HEADER)
    peer = named(t, attributes, NETNSA_PID, NETNSA_FD)
    if peer is not None:
        number = network.ids.get(peer.network, NOT_ASSIGNED)
    elif NETNSA_NSID in attributes:
        number = _number(attributes[NETNSA_NSID])
        if number not in network.ids.values():
            raise SyscallError(errno.ENOENT)
    else:
        raise SyscallError(errno.EINVAL)
    return [nl.message(RTM_NEWNSID, 0, request.seq, port, _body(number))]


def new(t: Task, network: Network, request: nl.Request) -> list[bytes]:
    """RTM_NEWNSID (rtnl_net_newid): EEXIST when the namespace has a number, or the number a namespace."""
    attributes = request.attributes(_HEADER)
    if NETNSA_NSID not in attributes:
        raise SyscallError(errno.EINVAL)
    number = _number(attributes[NETNSA_NSID])
    peer = named(t, attributes, NETNSA_PID, NETNSA_FD)
    if peer is None:
        raise SyscallError(errno.EINVAL)
    if peer.network in network.ids or number in network.ids.values():
        raise SyscallError(errno.EEXIST)
    _assign(network, peer.network, number if number >= 0 else _free(network))
    return []
