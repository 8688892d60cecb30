"""NetlinkSocket: requests in, datagrams out; the kernel's end answers from inside sendmsg."""

from __future__ import annotations

import errno
import struct
from collections import deque
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.capability import CAP_NET_ADMIN
from sandbox.errors import SyscallError
from sandbox.sockets.base import ControlMessage, Received, SocketFile
from sandbox.sockets.netlink import diag, route
from sandbox.sockets.netlink import message as nl
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.waiter import EVENT_ERR, EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.sockets.netlink.family import PortTable
    from sandbox.syscalls.args import SyscallArgs

NETLINK_ROUTE: Final = 0
NETLINK_SOCK_DIAG: Final = 4
NETLINK_NETFILTER: Final = 12
NETLINK_KOBJECT_UEVENT: Final = 15

NETLINK_ADD_MEMBERSHIP: Final = 1
NETLINK_DROP_MEMBERSHIP: Final = 2
NETLINK_PKTINFO: Final = 3
NETLINK_LIST_MEMBERSHIPS: Final = 9
NETLINK_CAP_ACK: Final = 10
NETLINK_EXT_ACK: Final = 11
NETLINK_GET_STRICT_CHK: Final = 12
_FLAGS: Final = frozenset((NETLINK_PKTINFO, 4, 5, NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK))
MAX_GROUP: Final = 36

_ADDRESS: Final = struct.Struct("<HxxII")  # family, port, groups
_KERNEL: Final = _ADDRESS.pack(abi.AF_NETLINK, 0, 0)
_PKTINFO: Final = struct.Struct("<I")
MAX_QUEUED: Final = 1 << 22  # bytes of answers that wait; more is ENOBUFS, as on an overrun


class NetlinkSocket(SocketFile):
    """`port`: the port id, 0 while unbound. Only the kernel can be talked to."""

    def __init__(self, network: Network, ports: PortTable, kind: int, protocol: int) -> None:
        super().__init__(abi.AF_NETLINK, kind, protocol)
        self._network = network
        if network.owner is not None:
            network.owner.users += 1
        self._ports = ports
        self.port = 0
        self._peer = _KERNEL
        self._groups: set[int] = set()
        self._set: set[int] = set()
        self._queue: deque[bytes] = deque()
        self._queued = 0

    def release(self) -> None:
        self._ports.forget(self)
        if self._network.owner is not None:
            self._network.owner.let_go()

    # --- names ---

    def bind(self, t: Task, address: bytes) -> None:
        _, port, groups = _address(address)
        if groups and self.protocol != NETLINK_ROUTE and not t.creds.has_in(self._network.user(), CAP_NET_ADMIN):
            if self.protocol != NETLINK_KOBJECT_UEVENT:
                raise SyscallError(errno.EPERM)
        if self.port:
            if port != self.port:
                raise SyscallError(errno.EINVAL)
        elif port:
            self._ports.bind(self, port)
        else:
            self._ports.autobind(self, t.pid)
        self._groups = {number + 1 for number in range(32) if groups >> number & 1}

    def connect(self, t: Task, address: bytes) -> int:
        if len(address) >= 2 and abi.FAMILY.unpack_from(address)[0] == abi.AF_UNSPEC:
            self._peer = _KERNEL
            return 0
        _, port, groups = _address(address)
        if (port or groups) and not t.creds.has_in(self._network.user(), CAP_NET_ADMIN):
            raise SyscallError(errno.EPERM)
        if not self.port:
            self._ports.autobind(self, t.pid)
        self._peer = _ADDRESS.pack(abi.AF_NETLINK, port, groups)
        return 0

    def getsockname(self, t: Task) -> bytes:
        groups = sum(1 << number - 1 for number in self._groups if number <= 32)
        return _ADDRESS.pack(abi.AF_NETLINK, self.port, groups)

    def getpeername(self, t: Task) -> bytes:
        return self._peer

    # --- data ---

    def sendmsg(self, t: Task, data: memoryview, address: bytes, flags: int, control: list[ControlMessage]) -> int:
        if flags & abi.MSG_OOB:
            raise SyscallError(errno.EOPNOTSUPP)
        _, port, groups = _address(address) if address else _ADDRESS.unpack(self._peer)
        if not self.port:
            self._ports.autobind(self, t.pid)
        if groups and not t.creds.has_in(self._network.user(), CAP_NET_ADMIN):
            raise SyscallError(errno.EPERM)
        if port or groups:
            raise SyscallError(errno.ECONNREFUSED)
        if self._queued > MAX_QUEUED:
            raise SyscallError(errno.ENOBUFS)
        if self.protocol == NETLINK_NETFILTER:
            self._netfilter(t, bytes(data))
        else:
            for request in nl.split(bytes(data)):
                self._request(t, request)
        if self._queue:
            self.queue.notify(EVENT_IN)
        return len(data)

    def _netfilter(self, t: Task, data: bytes) -> None:
        from sandbox.sockets.netlink.netfilter.service import Service

        service = Service(t, self._network, self.port, NETLINK_CAP_ACK in self._set, NETLINK_EXT_ACK in self._set)
        service.receive(data)
        for datagram in service.answers:
            self._put(datagram)

    def listens(self, group: int) -> bool:
        """It is a member."""
        return group in self._groups

    def _request(self, t: Task, request: nl.Request) -> None:
        """One message; netlink_rcv_skb: what is no request or a control message is only acknowledged."""
        if not request.flags & nl.NLM_F_REQUEST or request.type < nl.NLMSG_MIN_TYPE:
            if request.flags & nl.NLM_F_ACK:
                self._put(nl.error(request, 0, self.port, False))
            return
        number = 0
        datagrams: list[bytes] = []
        try:
            if self.protocol == NETLINK_ROUTE:
                strict = NETLINK_GET_STRICT_CHK in self._set
                datagrams = route.answer(t, self._network, request, self.port, strict)
            elif self.protocol == NETLINK_SOCK_DIAG:
                datagrams = diag.answer(t, self._network, request, self.port)
            else:
                number = errno.EOPNOTSUPP
        except SyscallError as error:
            number = error.errno
        for datagram in datagrams:
            self._put(datagram)
        if number or (request.flags & nl.NLM_F_ACK and not request.dump):
            self._put(nl.error(request, number, self.port, NETLINK_CAP_ACK in self._set))

    def _put(self, datagram: bytes) -> None:
        self._queue.append(datagram)
        self._queued += len(datagram)

    def deliver(self, datagram: bytes) -> None:
        """A message that nobody asked for (netlink_sendskb); dropped when too much waits already."""
        if self._queued <= MAX_QUEUED:
            self._put(datagram)
            self.queue.notify(EVENT_IN)

    def recvmsg(self, t: Task, dst: memoryview, flags: int, got: Received | None) -> int:
        if flags & abi.MSG_OOB:
            raise SyscallError(errno.EOPNOTSUPP)
        if not self._queue:
            return WOULD_BLOCK
        datagram = self._queue[0]
        if not flags & abi.MSG_PEEK:
            self._queue.popleft()
            self._queued -= len(datagram)
        count = min(len(datagram), len(dst))
        dst[:count] = datagram[:count]
        if got is not None:
            got.address = _KERNEL
            got.size = len(datagram)
            if count < len(datagram):
                got.flags |= abi.MSG_TRUNC
            if NETLINK_PKTINFO in self._set:
                got.control.append(ControlMessage(abi.SOL_NETLINK, NETLINK_PKTINFO, _PKTINFO.pack(0)))
        return count

    def poll(self, t: Task | None) -> int:
        ready = EVENT_OUT | (EVENT_IN if self._queue else 0)
        return ready | EVENT_ERR if self.error else ready

    # --- options ---

    def setsockopt(self, t: Task, level: int, name: int, value: bytes) -> None:
        if level != abi.SOL_NETLINK:
            super().setsockopt(t, level, name, value)
            return
        number = abi.UINT.unpack_from(value)[0] if len(value) >= 4 else 0
        if name in (NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP):
            if not 1 <= number <= MAX_GROUP:
                raise SyscallError(errno.EINVAL)
            if self.protocol == NETLINK_NETFILTER and not t.creds.has_in(self._network.user(), CAP_NET_ADMIN):
                raise SyscallError(errno.EPERM)
            (self._groups.add if name == NETLINK_ADD_MEMBERSHIP else self._groups.discard)(number)
        elif name in _FLAGS:
            (self._set.add if number else self._set.discard)(name)
        else:
            raise SyscallError(errno.ENOPROTOOPT)

    def getsockopt(self, t: Task, level: int, name: int, size: int) -> bytes:
        if level != abi.SOL_NETLINK:
            return super().getsockopt(t, level, name, size)
        if name == NETLINK_LIST_MEMBERSHIPS:
            bits = sum(1 << number - 1 for number in self._groups)
            return bits.to_bytes(8, "little")
        if name not in _FLAGS:
            raise SyscallError(errno.ENOPROTOOPT)
        return abi.INT.pack(int(name in self._set))

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> Result:
        from sandbox.sockets.inet import interface_ioctl

        return interface_ioctl.ioctl(t, self._network, cmd, arg)


def _address(raw: bytes) -> tuple[int, int, int]:
    """struct sockaddr_nl: family, port id, groups. EINVAL."""
    if len(raw) < _ADDRESS.size or abi.FAMILY.unpack_from(raw)[0] != abi.AF_NETLINK:
        raise SyscallError(errno.EINVAL)
    family, port, groups = _ADDRESS.unpack_from(raw)
    return family, port, groups
