"""SOCK_DGRAM of AF_UNIX."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.fcntl import O_NONBLOCK
from sandbox.errors import SyscallError
from sandbox.sockets.base import ControlMessage, Received
from sandbox.sockets.message_filter import sent_on
from sandbox.sockets.unix.connection import next_packet, receive_packet
from sandbox.sockets.unix.message import Message, message_charge
from sandbox.sockets.unix.namespace import pack_address
from sandbox.sockets.unix.socket import CLOSED, CONNECTED, RCV_SHUTDOWN, SEND_SHUTDOWN, UnixSocket
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.waiter import EVENT_IN, EVENT_OUT, Waiter, WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


class UnixDatagram(UnixSocket):
    """`peer` is where send(2) goes; it need not know of us. `room_queue` fires when our queue has room again."""

    def __init__(self, t: Task, flags: int) -> None:
        super().__init__(t, abi.SOCK_DGRAM, flags)
        self.room_queue = WaitQueue()
        self.max_queue = t.ns.net.unix_queue
        self._waits_for: UnixDatagram | None = None  # whom a sendto(2) found full
        self._send_waiter: Waiter | None = None
        self._room_waiter: Waiter | None = None  # on the peer's: its room is our writability

    def connect(self, t: Task, address: bytes) -> int:
        if abi.FAMILY.unpack_from(address)[0] == abi.AF_UNSPEC:
            self._set_peer(None)
            return 0
        if self.wants_sender:
            self.autobind()
        other = self.find(t, address)
        if other.peer is not None and other.peer is not self:
            raise SyscallError(errno.EPERM)
        self._set_peer(other)
        return 0

    def _set_peer(self, other: UnixSocket | None) -> None:
        old = self.peer
        if isinstance(old, UnixDatagram) and self._room_waiter is not None:
            old.room_queue.remove(self._room_waiter)
            self._room_waiter = None
        if old is not None and old is not other:
            if self.inbox:
                self.purge()  # what came from the old peer must not seem to come from the new one
                if old.peer is self and not old.dead:
                    old.error = errno.ECONNRESET
                    old.changed()
        self.peer = other
        self.state = CLOSED if other is None else CONNECTED
        if other is not None:
            other.state = CONNECTED  # as Linux tells it, whether it has a peer or not (unix_dgram_connect)
        if old is not None and old is not other and old.peer is None:
            old.state = CLOSED
        if isinstance(other, UnixDatagram):
            self._room_waiter = other.room_queue.add(EVENT_OUT, self._peer_has_room)

    def _peer_has_room(self, mask: int) -> None:
        self.queue.notify(EVENT_OUT)

    def _full_for(self, sender: UnixSocket) -> bool:
        """Its queue is full, and it is not connected to `sender`."""
        return self.peer is not sender and len(self.inbox) > self.max_queue

    def poll(self, t: Task | None) -> int:
        mask = super().poll(t)
        other = self.peer
        if mask & EVENT_OUT and isinstance(other, UnixDatagram) and other is not self and other._full_for(self):
            mask &= ~EVENT_OUT
        return mask

    def _target(self, t: Task, address: bytes) -> UnixDatagram:
        if address:
            other: UnixSocket | None = self.find(t, address)
        else:
            other = self.peer
            if other is None:
                raise SyscallError(errno.ENOTCONN)
        if not isinstance(other, UnixDatagram):
            raise SyscallError(errno.EPROTOTYPE)
        if other.dead:
            if self.peer is other:
                self._set_peer(None)
            raise SyscallError(errno.ECONNREFUSED)
        if other.peer is not None and other.peer is not self:
            raise SyscallError(errno.EPERM)
        if other.shut & RCV_SHUTDOWN:
            raise SyscallError(errno.EPIPE)
        return other

    def before_data(self, t: Task, size: int, address: bytes, flags: int) -> int:
        if flags & abi.MSG_OOB:
            raise SyscallError(errno.EOPNOTSUPP)
        if self.wants_sender:
            self.autobind()
        if size > self.options.sndbuf - 32:
            raise SyscallError(errno.EMSGSIZE)
        if self.error:
            raise SyscallError(self.take_error())
        if self.shut & SEND_SHUTDOWN:
            raise SyscallError(errno.EPIPE)
        return WOULD_BLOCK if self.sent >= self.options.sndbuf else 0

    def sendmsg(self, t: Task, data: memoryview, address: bytes, flags: int, control: list[ControlMessage]) -> int:
        size = len(data)
        if self.before_data(t, size, address, flags):
            return WOULD_BLOCK
        other = self._target(t, address)
        content = sent_on(t, other.options, data)
        if content is None:
            return size
        if other is not self and other._full_for(self):
            self._wait_for(other)
            return WOULD_BLOCK
        creds, files = self.outgoing(t, control, other)
        charge = message_charge(size)
        self.namespace.charge(self, charge)
        if files is not None:
            self._attach(t, files, charge)
        other.inbox.append(Message(content, self, charge, pack_address(self.name), creds, files))
        other.queue.notify(EVENT_IN)
        return size

    def _wait_for(self, other: UnixDatagram) -> None:
        """sendto(2) waits for somebody who is not our peer: hear once when there is room."""
        if self.peer is other or self._waits_for is other:
            return
        self._stop_waiting()
        self._waits_for = other
        self._send_waiter = other.room_queue.add(EVENT_OUT, self._target_has_room)

    def _target_has_room(self, mask: int) -> None:
        self._stop_waiting()
        self.queue.notify(EVENT_OUT)

    def _stop_waiting(self) -> None:
        if self._waits_for is not None and self._send_waiter is not None:
            self._waits_for.room_queue.remove(self._send_waiter)
        self._waits_for = None
        self._send_waiter = None

    def recvmsg(self, t: Task, dst: memoryview, flags: int, got: Received | None) -> int:
        if flags & abi.MSG_OOB:
            raise SyscallError(errno.EOPNOTSUPP)
        if flags & abi.MSG_ERRQUEUE:
            return WOULD_BLOCK
        if next_packet(self, bool(flags & abi.MSG_PEEK))[0] is None:
            if self.error:
                raise SyscallError(self.take_error())
            at_once = self.flags & O_NONBLOCK or flags & abi.MSG_DONTWAIT
            return 0 if self.shut & RCV_SHUTDOWN and not at_once else WOULD_BLOCK  # who does not wait sees no end
        count = receive_packet(self, t, dst, flags, got)
        if not flags & abi.MSG_PEEK:
            self.room_queue.notify(EVENT_OUT)
        return count

    def disconnect_on_release(self) -> None:
        other = self.peer
        if isinstance(other, UnixDatagram):
            if self._room_waiter is not None:
                other.room_queue.remove(self._room_waiter)
                self._room_waiter = None
        self._stop_waiting()
        self.peer = None
        self.room_queue.notify(EVENT_OUT)
