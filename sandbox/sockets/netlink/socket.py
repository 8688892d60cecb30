"""NetlinkSocket: requests in, datagrams out; the kernel's end answers from inside sendmsg."""

from __future__ import annotations

import errno
import struct
from collections import deque
from typing import TYPE_CHECKING, Final, Iterator

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.capability import CAP_NET_ADMIN
from sandbox.errors import SyscallError
from sandbox.kernel.control import TURN_NS
from sandbox.sockets.base import ControlMessage, Received, SocketFile
from sandbox.sockets.message_filter import passed
from sandbox.sockets.netlink import diag, route
from sandbox.sockets.netlink import message as nl
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.waiter import EVENT_ERR, EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.control import Result
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task
    from sandbox.reactor import Reactor
    from sandbox.sockets.netlink.family import PortTable
    from sandbox.syscalls.args import SyscallArgs

NETLINK_ROUTE: Final = 0
NETLINK_SOCK_DIAG: Final = 4
NETLINK_NETFILTER: Final = 12
NETLINK_KOBJECT_UEVENT: Final = 15
NETLINK_GENERIC: Final = 16

NETLINK_ADD_MEMBERSHIP: Final = 1
NETLINK_DROP_MEMBERSHIP: Final = 2
NETLINK_PKTINFO: Final = 3
NETLINK_BROADCAST_ERROR: Final = 4
NETLINK_NO_ENOBUFS: Final = 5
NETLINK_LIST_MEMBERSHIPS: Final = 9
NETLINK_CAP_ACK: Final = 10
NETLINK_EXT_ACK: Final = 11
NETLINK_GET_STRICT_CHK: Final = 12
_FLAGS: Final = frozenset(
    (
        NETLINK_PKTINFO,
        NETLINK_BROADCAST_ERROR,
        NETLINK_NO_ENOBUFS,
        NETLINK_CAP_ACK,
        NETLINK_EXT_ACK,
        NETLINK_GET_STRICT_CHK,
    )
)
_DIAG_FLAGS: Final = (
    (NETLINK_PKTINFO, 2),
    (NETLINK_BROADCAST_ERROR, 4),
    (NETLINK_NO_ENOBUFS, 8),
    (NETLINK_CAP_ACK, 0x20),
)
GROUPS: Final = 32  # of a protocol that has no more
ROUTE_GROUPS: Final = 36  # RTNLGRP_MAX

_ADDRESS: Final = struct.Struct("<HxxII")  # family, port, groups
_KERNEL: Final = _ADDRESS.pack(abi.AF_NETLINK, 0, 0)
_PKTINFO: Final = struct.Struct("<I")
MAX_QUEUED: Final = 1 << 22  # bytes of answers that wait; more is ENOBUFS, as on an overrun
MAX_DUMPED: Final = 1 << 18  # bytes that wait: no dump begins after that (Linux has one at a time)
_GETS: Final = 2  # of the four types that belong together
MAX_REQUESTS: Final = 65536  # that wait for their turn
_OVERHEAD: Final = 576  # what a waiting message costs besides its bytes (SKB_TRUESIZE)


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
        self._connected = False
        self._groups: set[int] = set()
        self._counted = False  # it has had to do with groups
        self._set: set[int] = set()
        self._queue: deque[tuple[bytes, int]] = deque()  # each with its group
        self._queued = 0
        self._dump: Iterator[bytes] | None = None  # what of one has not been read yet
        self._rest: deque[tuple[Task, nl.Request]] = deque()  # of a call with very many requests
        self._reactor: Reactor | None = None
        self._congested = False  # an overrun has been told of, and what waited then still waits

    def release(self) -> None:
        self._dump = None
        self._ports.forget(self)
        if self._network.owner is not None:
            self._network.owner.let_go()

    def group_mask(self) -> int:
        """The first 32 groups that it listens to."""
        return sum([1 << group - 1 for group in self._groups if group <= 32])

    def group_bits(self) -> bytes:
        """All groups that it listens to; nothing for who has never had to do with any."""
        bits = sum([1 << number - 1 for number in self._groups])
        return bits.to_bytes((self._group_count() + 31) // 32 * 4 if self._counted else 0, "little")

    def in_groups(self) -> bool:
        """It listens to some."""
        return self._groups != set()

    def peer_port(self) -> tuple[int, int]:
        """The port and the group that connect(2) has named."""
        _, port, groups = _ADDRESS.unpack(self._peer)
        return port, (groups & -groups).bit_length()

    def connected(self) -> bool:
        """connect(2) has named somebody, the kernel too."""
        return self._connected

    def diag_flags(self) -> int:
        """NDIAG_FLAG_*."""
        return sum([bit for name, bit in _DIAG_FLAGS if name in self._set])

    def queued(self) -> int:
        """Bytes that wait to be read."""
        return self._queued

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
        beyond = {number for number in self._groups if number > 32}
        self._groups = {number + 1 for number in range(32) if groups >> number & 1} | beyond
        if self._groups:
            self._counted = True
            self._listen()

    def connect(self, t: Task, address: bytes) -> int:
        if len(address) >= 2 and abi.FAMILY.unpack_from(address)[0] == abi.AF_UNSPEC:
            self._peer, self._connected = _KERNEL, False
            return 0
        _, port, groups = _address(address)
        if (port or groups) and not t.creds.has_in(self._network.user(), CAP_NET_ADMIN):
            raise SyscallError(errno.EPERM)
        if not self.port:
            self._ports.autobind(self, t.pid)
        self._peer = _ADDRESS.pack(abi.AF_NETLINK, port, groups)
        self._connected = True
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
            requests = [(t, request) for request in nl.split(bytes(data))]
            if self._rest and len(self._rest) + len(requests) > MAX_REQUESTS:
                raise SyscallError(errno.ENOBUFS)
            begun = bool(self._rest)
            self._rest.extend(requests)
            if not begun:
                self._requests(t.kernel)
        if self._queue:
            self.queue.notify(EVENT_IN)
        return len(data)

    def _requests(self, kernel: Kernel) -> None:
        """In order, for a while; the rest comes after others' turns."""
        rest, clock = self._rest, kernel.clock
        until = clock.now_ns() + TURN_NS
        while rest:
            t, request = rest[0]
            try:
                self._request(t, request)
            except Exception:
                rest.clear()
                raise
            rest.popleft()
            if rest and clock.now_ns() > until:
                kernel.reactor.call_soon(lambda: self._go_through(kernel))
                return

    def _go_through(self, kernel: Kernel) -> None:
        """From the event loop."""
        try:
            self._requests(kernel)
        except Exception as error:
            kernel.bug("oops: a netlink request", error)
        if self._queue:
            self.queue.notify(EVENT_IN)

    def _netfilter(self, t: Task, data: bytes) -> None:
        from sandbox.sockets.netlink.netfilter.service import Service

        capped, extended = NETLINK_CAP_ACK in self._set, NETLINK_EXT_ACK in self._set
        service = Service(t, self._network, self.port, capped, extended, self._dump is not None)
        service.receive(data)
        for datagram in service.answers:
            self._put(datagram)
        if service.dump is not None:
            self._dump, self._reactor = service.dump, t.kernel.reactor
            self._go_on()

    def _listen(self) -> None:
        """It has joined a group: from now on somebody watches what the group is about."""
        if self.protocol in (NETLINK_ROUTE, NETLINK_KOBJECT_UEVENT):
            from sandbox.sockets.netlink.notify import notifier_of

            notifier_of(self._network)
        elif self.protocol == NETLINK_NETFILTER:
            from sandbox.sockets.netlink.netfilter.connection_watch import watch

            watch(self._network)
        if not self.port:
            self._ports.listeners.add(self)

    def _membership(self, t: Task, number: int, joins: bool) -> None:
        """NETLINK_ADD_MEMBERSHIP and _DROP_. EINVAL, EPERM."""
        if self.protocol == NETLINK_NETFILTER and not t.creds.has_in(self._network.user(), CAP_NET_ADMIN):
            raise SyscallError(errno.EPERM)
        if not 1 <= number <= self._group_count():
            raise SyscallError(errno.EINVAL)
        self._counted = True
        if joins:
            self._groups.add(number)
            self._listen()
        else:
            self._groups.discard(number)

    def _group_count(self) -> int:
        return ROUTE_GROUPS if self.protocol == NETLINK_ROUTE else GROUPS

    def listens(self, group: int) -> bool:
        """It is a member."""
        return group in self._groups

    def _request(self, t: Task, request: nl.Request) -> None:
        """One message; netlink_rcv_skb: what is no request or a control message is only acknowledged."""
        if not request.flags & nl.NLM_F_REQUEST or request.type < nl.NLMSG_MIN_TYPE:
            if request.flags & nl.NLM_F_ACK:
                self._put(nl.error(request, 0, self.port, False))
            return
        number, text, offset = 0, "", 0
        datagrams: list[bytes] = []
        try:
            if self.protocol == NETLINK_ROUTE:
                if request.dump and request.type & 3 == _GETS and self._queued > MAX_DUMPED:
                    raise SyscallError(errno.EBUSY)
                datagrams = self._route(t, request)
            elif self.protocol == NETLINK_SOCK_DIAG:
                if request.dump and self._dump is not None:
                    raise SyscallError(errno.EBUSY)
                answered = diag.answer(t, self._network, request, self.port)
                if isinstance(answered, list):
                    datagrams = answered
                else:
                    self._dump, self._reactor = answered, t.kernel.reactor
                    self._go_on()
            elif self.protocol == NETLINK_GENERIC:
                from sandbox.sockets.netlink import generic

                datagrams = generic.answer(t, self._network, request, self.port)
            else:
                number = errno.EOPNOTSUPP
        except SyscallError as error:
            number = error.errno
            if isinstance(error, nl.Refusal) and NETLINK_EXT_ACK in self._set:
                text, offset = error.text, error.offset
        if request.warning and not number and NETLINK_EXT_ACK in self._set:
            text = request.warning
        for datagram in datagrams:
            self._put(datagram)
        if number or (request.flags & nl.NLM_F_ACK and not request.dumped):
            self._put(nl.error(request, number, self.port, NETLINK_CAP_ACK in self._set, offset, text))

    def _route(self, t: Task, request: nl.Request) -> list[bytes]:
        """What is sent meanwhile is about this request."""
        strict = NETLINK_GET_STRICT_CHK in self._set
        notifier = self._network.notifier
        if notifier is None and request.flags & nl.NLM_F_ECHO:
            from sandbox.sockets.netlink.notify import notifier_of

            notifier = notifier_of(self._network)
        if notifier is None:
            return route.answer(t, self._network, request, self.port, strict)
        notifier.request, notifier.asker = request, self
        try:
            return route.answer(t, self._network, request, self.port, strict)
        finally:
            notifier.request = notifier.asker = None

    def _put(self, datagram: bytes, group: int = 0) -> None:
        program, stack = self.options.general.filter, self._network.stack
        if program:
            left = passed(self.options, datagram, stack.random) if stack.toil.meets(datagram, program) else None
            if left is None:
                return
            datagram = left
        self._queue.append((datagram, group))
        self._queued += len(datagram) + _OVERHEAD

    def _go_on(self) -> None:
        """The next portion of a dump, where nothing waits to be read."""
        dump = self._dump
        if dump is None or self._queue:
            return
        datagram = next(dump, None)
        if datagram is None:
            self._dump = None
        elif datagram:
            self._put(datagram)
            self.queue.notify(EVENT_IN)
        if self._dump is not None and not self._queue and self._reactor is not None:
            self._reactor.call_soon(self._go_on)

    def deliver(self, datagram: bytes, group: int = 0) -> None:
        """A message that nobody asked for (netlink_broadcast). Too much waits already: it is lost, and that is told once
        (netlink_overrun)."""
        if self._queued <= self.options.rcvbuf and not self._congested:
            self._put(datagram, group)
            self.queue.notify(EVENT_IN)
        elif NETLINK_NO_ENOBUFS not in self._set and not self._congested:
            self._congested = True
            self.error = errno.ENOBUFS
            self.queue.notify(EVENT_ERR)

    def recvmsg(self, t: Task, dst: memoryview, flags: int, got: Received | None) -> int:
        if flags & abi.MSG_OOB:
            raise SyscallError(errno.EOPNOTSUPP)
        if self.error:
            number, self.error = self.error, 0
            raise SyscallError(number)
        if not self._queue:
            return WOULD_BLOCK
        datagram, group = self._queue[0]
        if not flags & abi.MSG_PEEK:
            self._queue.popleft()
            self._queued -= len(datagram) + _OVERHEAD
            if not self._queue:
                self._congested = False
                self._go_on()
        count = min(len(datagram), len(dst))
        dst[:count] = datagram[:count]
        if got is not None:
            got.address = _ADDRESS.pack(abi.AF_NETLINK, 0, 1 << group - 1 if 0 < group <= 32 else 0)
            got.size = len(datagram)
            if count < len(datagram):
                got.flags |= abi.MSG_TRUNC
            if NETLINK_PKTINFO in self._set:
                got.control.append(ControlMessage(abi.SOL_NETLINK, NETLINK_PKTINFO, _PKTINFO.pack(group)))
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
            self._membership(t, number, name == NETLINK_ADD_MEMBERSHIP)
        elif name in _FLAGS:
            (self._set.add if number else self._set.discard)(name)
        else:
            raise SyscallError(errno.ENOPROTOOPT)

    def getsockopt(self, t: Task, level: int, name: int, size: int) -> bytes:
        if level != abi.SOL_NETLINK:
            return super().getsockopt(t, level, name, size)
        if name == NETLINK_LIST_MEMBERSHIPS:
            return self.group_bits()
        if name not in _FLAGS:
            raise SyscallError(errno.ENOPROTOOPT)
        return abi.INT.pack(int(name in self._set))

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> Result:
        from sandbox.sockets.inet import interface_ioctl

        return interface_ioctl.ioctl(t, self._network, cmd, arg, False)


def _address(raw: bytes) -> tuple[int, int, int]:
    """struct sockaddr_nl: family, port id, groups. EINVAL."""
    if len(raw) < _ADDRESS.size or abi.FAMILY.unpack_from(raw)[0] != abi.AF_NETLINK:
        raise SyscallError(errno.EINVAL)
    family, port, groups = _ADDRESS.unpack_from(raw)
    return family, port, groups
