"""Connections of AF_UNIX: listen, connect, accept, and the stream and sequenced-packet sockets themselves."""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING, Iterable, Iterator

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.fcntl import O_NONBLOCK
from sandbox.errors import SyscallError
from sandbox.kernel.broken_pipe import broken_pipe
from sandbox.sockets.base import ControlMessage, Received, SocketFile
from sandbox.sockets.message_filter import sent_on
from sandbox.sockets.unix.message import STREAM_CHUNK, Message, message_charge, stream_charge
from sandbox.sockets.unix.namespace import MAX_CHARGED, pack_address
from sandbox.sockets.unix.peer import UNKNOWN, Ucred, pack_ucred
from sandbox.sockets.unix.socket import (
    BOTH_SHUTDOWN,
    CLOSED,
    CONNECTED,
    LISTENING,
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    UnixSocket,
)
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_PRI, EVENT_URGENT

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription


class UnixConnection(UnixSocket):
    """SOCK_STREAM and SOCK_SEQPACKET. A listener's `waiting` are connected sockets that nobody accepted yet."""

    def __init__(self, t: Task, kind: int, flags: int) -> None:
        super().__init__(t, kind, flags)
        self.backlog = 0
        self.oob: Message | None = None  # the byte of the last MSG_OOB, in the inbox too, until it was read or passed
        self.waiting: deque[UnixConnection] = deque()

    # --- connecting ---

    def to_accept(self) -> Iterable[UnixSocket]:
        return self.waiting

    def listen(self, t: Task, backlog: int) -> None:
        if self.name is None or self.state == CONNECTED:
            raise SyscallError(errno.EINVAL)
        if backlog > self.backlog:
            self.queue.notify(EVENT_OUT)
        self.backlog = backlog
        self.state = LISTENING
        self.remember_peer(t)

    def connect(self, t: Task, address: bytes) -> int:
        if self.wants_sender:
            self.autobind()
        other = self.find(t, address)
        if not isinstance(other, UnixConnection) or other.state != LISTENING or other.shut & RCV_SHUTDOWN or other.dead:
            raise SyscallError(errno.ECONNREFUSED)
        if len(other.waiting) > other.backlog:
            self.connect_queue = other.queue
            return WOULD_BLOCK
        if self.state == CONNECTED:
            raise SyscallError(errno.EISCONN)
        if self.state == LISTENING:
            raise SyscallError(errno.EINVAL)
        served = UnixConnection(t, self.kind, 0)
        served.name, served.bound = other.name, other.bound
        served.options = other.options.copy()
        served.options.general.peek_off = -1
        served.want_senders()
        served.remember_peer(t)
        self.peer_creds, self.peer_groups = other.peer_creds, other.peer_groups
        join(self, served)
        served.acquire()  # the listener's, until it is accepted
        other.waiting.append(served)
        other.queue.notify(EVENT_IN)
        self.queue.notify(EVENT_OUT)
        return 0

    def accept(self, t: Task, flags: int) -> SocketFile | None:
        if self.state != LISTENING:
            raise SyscallError(errno.EINVAL)
        if not self.waiting:
            if self.shut & RCV_SHUTDOWN:
                raise SyscallError(errno.EINVAL)
            return None
        served = self.waiting.popleft()
        served.refs -= 1
        served.flags |= flags & O_NONBLOCK
        self.queue.notify(EVENT_OUT)
        return served

    def poll(self, t: Task | None) -> int:
        mask = super().poll(t)
        if self.oob is not None:
            mask |= EVENT_PRI
        return mask | EVENT_IN if self.waiting else mask

    def disconnect_on_release(self) -> None:
        other = self.peer
        if other is not None and not other.dead:
            other.shut = BOTH_SHUTDOWN
            if len(self.inbox) > 1 or (self.inbox and not self._is_mark(self.inbox[0])):
                other.error = errno.ECONNRESET
            other.queue.notify(EVENT_IN | EVENT_OUT | EVENT_HUP | (EVENT_ERR if other.error else 0))
        while self.waiting:
            served = self.waiting.popleft()
            if served.peer is not None:
                served.peer.error = errno.ECONNRESET
            served.drop()
        self.queue.notify(EVENT_IN | EVENT_OUT | EVENT_HUP)  # who waits to connect to us

    def sockets_in_queues(self) -> Iterator[UnixSocket]:
        yield from super().sockets_in_queues()
        for served in self.waiting:
            yield from served.sockets_in_queues()

    def purge(self) -> None:
        super().purge()
        self.oob = None
        for served in self.waiting:
            served.purge()

    # --- data ---

    def _peer_to_write(self, t: Task, flags: int) -> UnixSocket:
        other = self.peer
        if other is None:
            raise SyscallError(errno.ENOTCONN)
        if self.shut & SEND_SHUTDOWN or other.dead or other.shut & RCV_SHUTDOWN:
            if self.kind == abi.SOCK_STREAM:
                broken_pipe(t, flags)
            raise SyscallError(errno.EPIPE)
        return other

    def before_data(self, t: Task, size: int, address: bytes, flags: int) -> int:
        if self.kind == abi.SOCK_STREAM:
            if address:
                raise SyscallError(errno.EISCONN if self.state == CONNECTED else errno.EOPNOTSUPP)
            self._peer_to_write(t, flags)
        else:
            self.check_send()
            if flags & abi.MSG_OOB:
                raise SyscallError(errno.EOPNOTSUPP)
            if size > self.options.sndbuf - 32:
                raise SyscallError(errno.EMSGSIZE)
            if self.shut & SEND_SHUTDOWN:
                raise SyscallError(errno.EPIPE)
        return WOULD_BLOCK if self.sent >= self.options.sndbuf else 0

    def check_send(self) -> None:
        if self.kind == abi.SOCK_SEQPACKET:
            if self.error:
                raise SyscallError(self.take_error())
            if self.state != CONNECTED:
                raise SyscallError(errno.ENOTCONN)

    def sendmsg(self, t: Task, data: memoryview, address: bytes, flags: int, control: list[ControlMessage]) -> int:
        urgent = flags & abi.MSG_OOB
        self.check_send()
        if urgent and (self.kind == abi.SOCK_SEQPACKET or not len(data)):
            raise SyscallError(errno.EOPNOTSUPP)
        if self.kind == abi.SOCK_SEQPACKET:
            return self._send_packet(t, data, flags, control)
        if address:
            raise SyscallError(errno.EISCONN if self.state == CONNECTED else errno.EOPNOTSUPP)
        other = self._peer_to_write(t, flags)
        creds: Ucred | None = None
        files: list[FileDescription] | None = None
        if control or self.wants_sender or other.wants_sender:
            creds, files = self.outgoing(t, control, other)
        done, size = 0, len(data)
        limit = self.options.sndbuf
        own = pack_address(self.name)
        step_limit = min((limit >> 1) - 64, STREAM_CHUNK)
        while done < size:
            if self.sent >= limit:
                break
            step = min(size - done, step_limit)
            if urgent and step > 1 and done + step == size:
                step -= 1  # the last byte is a message of its own
            charge = stream_charge(step)
            if done and self.namespace.charged + charge > MAX_CHARGED:
                break
            self.namespace.charge(self, charge)
            if files is not None:
                self._attach(t, files, charge)
            other.inbox.append(Message(bytes(data[done : done + step]), self, charge, own, creds, files))
            files = None
            done += step
        if done:
            if urgent and done == size and isinstance(other, UnixConnection):
                other.oob = other.inbox[-1]
                other.queue.notify(EVENT_IN | EVENT_PRI | EVENT_URGENT)
            else:
                other.queue.notify(EVENT_IN)
            return done
        return WOULD_BLOCK if size else 0

    def _send_packet(self, t: Task, data: memoryview, flags: int, control: list[ControlMessage]) -> int:
        if self.state != CONNECTED:
            raise SyscallError(errno.ENOTCONN)
        if self.wants_sender:
            self.autobind()
        size = len(data)
        if size > self.options.sndbuf - 32:
            raise SyscallError(errno.EMSGSIZE)
        other = self._peer_to_write(t, flags)
        if self.sent >= self.options.sndbuf:
            return WOULD_BLOCK
        content = sent_on(t, other.options, data)
        if content is None:
            return size
        creds, files = self.outgoing(t, control, other)
        charge = message_charge(size)
        self.namespace.charge(self, charge)
        if files is not None:
            self._attach(t, files, charge)
        other.inbox.append(Message(content, self, charge, pack_address(self.name), creds, files))
        other.queue.notify(EVENT_IN)
        return size

    def recvmsg(self, t: Task, dst: memoryview, flags: int, got: Received | None) -> int:
        if flags & abi.MSG_OOB and self.kind == abi.SOCK_SEQPACKET:
            raise SyscallError(errno.EOPNOTSUPP if self.state == CONNECTED else errno.ENOTCONN)
        if flags & abi.MSG_ERRQUEUE:
            return WOULD_BLOCK
        if self.state != CONNECTED:
            raise SyscallError(errno.ENOTCONN if self.kind == abi.SOCK_SEQPACKET else errno.EINVAL)
        if flags & abi.MSG_OOB:
            return self._read_urgent(dst, flags, got)
        if self.inbox:
            if self.kind == abi.SOCK_SEQPACKET:
                if self.error:
                    raise SyscallError(self.take_error())
                done = receive_packet(self, t, dst, flags, got)
                return 0 if done == WOULD_BLOCK and self.shut & RCV_SHUTDOWN else done
            if self.options.rcvlowat > 1 and self._below_low_mark(len(dst), flags):
                return WOULD_BLOCK
            done = self._read_stream(t, dst, flags, got)
            if done or not len(dst):
                return done
        if self.error:
            raise SyscallError(self.take_error())
        if self.shut & RCV_SHUTDOWN:
            if got is not None and self.passcred and self.kind == abi.SOCK_STREAM:
                nobody = pack_ucred(t, (None, 0, 0))  # the end has no sender
                got.control.append(ControlMessage(abi.SOL_SOCKET, abi.SCM_CREDENTIALS, nobody))
            return 0
        return WOULD_BLOCK

    def _below_low_mark(self, size: int, flags: int) -> bool:
        """A blocking read waits for SO_RCVLOWAT bytes."""
        if self.flags & O_NONBLOCK or flags & abi.MSG_DONTWAIT or self.shut & RCV_SHUTDOWN or self.error:
            return False
        return self.unread_size() < min(self.options.rcvlowat, size)

    def _read_stream(self, t: Task, dst: memoryview, flags: int, got: Received | None) -> int:
        """unix_stream_read_generic: messages are glued, but not across files or, if wanted, credentials."""
        inbox = self.inbox
        peek = flags & abi.MSG_PEEK
        done, size = 0, len(dst)
        first: Message | None = None
        check = self.wants_sender
        index = 0
        skip = max(self.options.general.peek_off, 0) if peek else 0
        while index < len(inbox) and (done < size or (not size and (peek or first is None))):
            message = inbox[index]
            if message is self.oob or message.pos == len(message.data):
                index = self._pass_mark(index, bool(peek), done)
                if index < 0:
                    if not size:
                        return WOULD_BLOCK
                    break
                message = inbox[index]
            pos = message.pos + skip
            if pos >= len(message.data):
                skip = pos - len(message.data)
                index += 1
                continue
            skip = 0
            if first is None:
                first = message
            elif check and message.creds != first.creds:
                break
            left = len(message.data) - pos
            take = left if left < size - done else size - done
            dst[done : done + take] = memoryview(message.data)[pos : pos + take]
            done += take
            files = message.files
            if files is not None and got is not None:
                self.give_files(message, got, bool(peek))
            elif files is not None and not peek:
                self._lose_files(message)
            if peek:
                index += 1
            elif take == left:
                inbox.popleft()
                self.uncharge(message)
            else:
                message.pos = pos + take
            if files is not None:
                break
        self.move_peek_offset(done if peek else -done)
        if got is not None and first is not None:
            _give_stream_creds(self, t, first, got)
        return done

    def _read_urgent(self, dst: memoryview, flags: int, got: Received | None) -> int:
        """unix_stream_recv_urg: the byte is taken, and what is left in the queue marks its place."""
        message = self.oob
        if message is None or self.options.get(abi.SO_OOBINLINE):
            raise SyscallError(errno.EINVAL)
        if len(dst):
            dst[:1] = message.data[message.pos : message.pos + 1]
        if not flags & abi.MSG_PEEK:
            self.oob = None
            at = self.inbox.index(message)
            if at and self._is_mark(self.inbox[at - 1]):
                earlier = self.inbox[at - 1]
                del self.inbox[at - 1]
                self.discard(earlier)
            message.pos += 1
        if got is not None:
            got.flags |= abi.MSG_OOB
            got.size = 1
        return 1

    def _is_mark(self, message: Message) -> bool:
        """What an urgent byte that was read has left."""
        return message.pos == len(message.data)

    def _pass_mark(self, index: int, peek: bool, done: int) -> int:
        """manage_oob: which message a read goes on with at a mark or the urgent byte; -1: it stops here."""
        inbox, oob = self.inbox, self.oob
        if self._is_mark(inbox[index]):
            if done and oob is None:
                return -1
            if peek:
                index += 1
            else:
                self.discard(inbox.popleft())
            if index == len(inbox):
                return -1
        if inbox[index] is not oob or (not done and self.options.get(abi.SO_OOBINLINE)):
            if not peek and inbox[index] is oob:
                self.oob = None
            return index
        if done:
            return -1
        if peek:
            index += 1
        else:
            self.oob = None
            self.discard(inbox.popleft())
        return index if index < len(inbox) else -1

    def at_mark(self) -> bool:
        """SIOCATMARK (unix_ioctl)."""
        inbox, oob = self.inbox, self.oob
        if not inbox:
            return False
        if inbox[0] is oob:
            return True
        return self._is_mark(inbox[0]) and (oob is None or (len(inbox) > 1 and inbox[1] is oob))

    def _lose_files(self, message: Message) -> None:
        """read(2) has no room for them."""
        files = message.files
        if files is not None:
            message.files = None
            self.namespace.detach(message.sender.uid, files)
            for file in files:
                file.drop()

    def unread(self, data: memoryview) -> None:
        if self.kind == abi.SOCK_STREAM:
            sender = self.peer or self
            charge = stream_charge(len(data))
            self.namespace.charged += charge
            sender.sent += charge
            self.inbox.appendleft(Message(bytes(data), sender, charge, b"", None, None))

    def unread_size(self) -> int:
        return sum(len(message.data) - message.pos for message in self.inbox)


def _give_stream_creds(socket: UnixSocket, t: Task, first: Message, got: Received) -> None:
    """Credentials come before files; the sender's address only for sockets with a name."""
    if socket.passcred:
        data = pack_ucred(t, first.creds or UNKNOWN)
        got.control.insert(0, ControlMessage(abi.SOL_SOCKET, abi.SCM_CREDENTIALS, data))
    socket.give_pidfd(first, got)
    if len(first.address) > 2:
        got.address = first.address


def next_packet(socket: UnixSocket, peek: bool) -> tuple[Message | None, int]:
    """The message to read, and how much of it SO_PEEK_OFF passes over; None when there is none, or all are passed."""
    skip = socket.options.general.peek_off
    if not peek or skip < 0:
        return (socket.inbox[0] if socket.inbox else None), 0
    for message in socket.inbox:
        if skip < len(message.data) or not (skip or message.peeked):
            return message, skip
        skip -= len(message.data)
    return None, 0


def receive_packet(socket: UnixSocket, t: Task, dst: memoryview, flags: int, got: Received | None) -> int:
    """One message, cut to `dst` (__unix_dgram_recvmsg); WOULD_BLOCK."""
    peek = bool(flags & abi.MSG_PEEK)
    message, skip = next_packet(socket, peek)
    if message is None:
        return WOULD_BLOCK
    message.peeked = message.peeked or (peek and not message.data)
    data = message.data[skip:]
    count = min(len(dst), len(data))
    dst[:count] = data[:count]
    socket.move_peek_offset(count if peek else -len(data))
    if not peek:
        socket.inbox.popleft()
    if got is not None:
        got.size = len(data)
        if count < len(data):
            got.flags |= abi.MSG_TRUNC
        if len(message.address) > 2:
            got.address = message.address
        socket.deliver_control(t, message, got, peek)
    if not peek:
        socket.discard(message)
    return count


def join(one: UnixConnection, two: UnixConnection) -> None:
    """Connect them to each other."""
    one.peer, two.peer = two, one
    one.state = two.state = CONNECTED


__all__ = ["CLOSED", "UnixConnection", "join", "receive_packet"]
