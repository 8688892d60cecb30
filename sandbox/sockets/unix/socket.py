"""UnixSocket: what stream, datagram and sequenced-packet sockets of AF_UNIX share (unix(7), net/unix/af_unix.c)."""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING, Final, Iterable, Iterator, NoReturn

from sandbox.abi.linux import socket as abi
from sandbox.errors import SyscallError
from sandbox.sockets.base import ControlMessage, Received, SocketFile
from sandbox.sockets.unix.message import Message
from sandbox.sockets.unix.namespace import UnixNamespace, find_socket, pack_address, parse_address
from sandbox.sockets.unix.peer import NOBODY, UNKNOWN, Ucred, pack_ucred, pid_file_of, ucred_of
from sandbox.vfs.kstat import Kstat
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_RDHUP

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.inode import Inode

CLOSED: Final = 0
LISTENING: Final = 1
CONNECTED: Final = 2
RCV_SHUTDOWN: Final = 1
SEND_SHUTDOWN: Final = 2
BOTH_SHUTDOWN: Final = 3


class UnixSocket(SocketFile):
    """`name` as parse_address gives it, None when unbound. `sent` is what its unread messages are charged."""

    def __init__(self, t: Task, kind: int, flags: int) -> None:
        super().__init__(abi.AF_UNIX, kind, 0, flags)
        self.namespace = unix_namespace(t)
        self.net = t.ns.net.number  # whose abstract names it sees
        self.name: bytes | None = None
        self.bound: Inode | None = None
        self.state = CLOSED
        self.shut = 0
        self.dead = False
        self.peer: UnixSocket | None = None
        self.inbox: deque[Message] = deque()
        self.sent = 0
        self.options.general.peeks = True
        self.passcred = False  # SO_PASSCRED
        self.wants_sender = False  # SO_PASSCRED or SO_PASSPIDFD
        self.peer_creds: Ucred = NOBODY
        self.peer_groups: tuple[int, ...] = ()
        self.owned_by(t)
        self.created = t.kernel.clock.realtime_ns()
        self.namespace.sockets[self] = None

    def memory_info(self) -> tuple[int, ...]:
        """What is charged is the sender's."""
        _, rcvbuf, _, *others = super().memory_info()
        return (0, rcvbuf, self.sent, *others)

    # --- names ---

    def bind(self, t: Task, address: bytes) -> None:
        name = parse_address(address)
        if self.name is not None:
            if not name:
                return
            self._bind_again(t, name)
        if not name:
            self.autobind()
        elif name[:1] == b"\0":
            if (self.net, self.kind, name) in self.namespace.abstract:
                raise SyscallError(errno.EADDRINUSE)
            self.namespace.abstract[(self.net, self.kind, name)] = self
            self.name = name
        else:
            from sandbox.vfs.namei import make_socket

            inode = make_socket(t, name, 0o777).inode
            inode.attached = self
            self.bound = inode
            self.name = name

    def _bind_again(self, t: Task, name: bytes) -> NoReturn:
        """What keeps the path from being made is found first, then that the socket has a name."""
        if name[:1] != b"\0":
            from sandbox.vfs.namei import place_for_socket

            place_for_socket(t, name)
        raise SyscallError(errno.EINVAL)

    def autobind(self) -> None:
        """Give it an abstract name when it has none."""
        if self.name is None:
            self.name = self.namespace.autobind(self)

    def getsockname(self, t: Task) -> bytes:
        return pack_address(self.name)

    def getpeername(self, t: Task) -> bytes:
        if self.peer is None:
            raise SyscallError(errno.ENOTCONN)
        return pack_address(self.peer.name)

    def find(self, t: Task, address: bytes) -> UnixSocket:
        """Who is bound to `address` and of our type; EPROTOTYPE."""
        name = parse_address(address)
        other = find_socket(t, self.namespace, name, self.kind)
        if other.kind != self.kind:
            raise SyscallError(errno.EPROTOTYPE)
        return other

    # --- credentials and descriptors ---

    def remember_peer(self, t: Task) -> None:
        """init_peercred: what SO_PEERCRED of the other side will say is `t`."""
        self.peer_creds = (t.group.ids, t.creds.euid, t.creds.egid)
        self.peer_groups = t.creds.groups

    def option_changed(self, t: Task, name: int) -> None:
        self.want_senders()

    def want_senders(self) -> None:
        """As the options say."""
        self.passcred = self.options.get(abi.SO_PASSCRED) != 0
        self.wants_sender = self.passcred or self.options.get(abi.SO_PASSPIDFD) != 0

    def move_peek_offset(self, count: int) -> None:
        """sk_peek_offset_fwd, sk_peek_offset_bwd: SO_PEEK_OFF follows what was peeked at and, backwards, what was read."""
        general = self.options.general
        if general.peek_off >= 0:
            general.peek_off = max(general.peek_off + count, 0)

    def outgoing(
        self, t: Task, control: list[ControlMessage], receiver: UnixSocket | None
    ) -> tuple[Ucred | None, list[FileDescription] | None]:
        """scm_send: (credentials, files) of the message. EINVAL, EPERM, EBADF, ETOOMANYREFS."""
        creds: Ucred | None = None
        files: list[FileDescription] = []
        for message in control:
            if message.level != abi.SOL_SOCKET:
                continue
            if message.type == abi.SCM_RIGHTS:
                files.extend(message.files or ())
                if len(files) > abi.SCM_MAX_FD:
                    raise SyscallError(errno.EINVAL)
            elif message.type == abi.SCM_CREDENTIALS:
                creds = ucred_of(t, message.data)
            else:
                raise SyscallError(errno.EINVAL)
        if creds is None and (self.wants_sender or (receiver is not None and receiver.wants_sender)):
            creds = (t.group.ids, t.creds.uid, t.creds.gid)
        if not files:
            return creds, None
        return creds, files

    def _attach(self, t: Task, files: list[FileDescription], charge: int) -> None:
        """The files of a message that is charged already; ETOOMANYREFS takes the charge back."""
        try:
            self.namespace.attach(t, self.uid, files)
        except SyscallError:
            self.namespace.charged -= charge
            self.sent -= charge
            raise

    def deliver_control(self, t: Task, message: Message, got: Received, keep: bool) -> None:
        """What came with `message`: credentials if wanted, files (copies of the references with `keep`)."""
        if self.passcred:
            data = pack_ucred(t, message.creds or UNKNOWN)
            got.control.append(ControlMessage(abi.SOL_SOCKET, abi.SCM_CREDENTIALS, data))
        self.give_files(message, got, keep)
        self.give_pidfd(message, got)

    def give_files(self, message: Message, got: Received, keep: bool) -> None:
        """SCM_RIGHTS, if there are any."""
        files = message.files
        if files is None:
            return
        if keep:
            files = list(files)
            for file in files:
                file.acquire()
        else:
            message.files = None
            self.namespace.detach(message.sender.uid, files)
        got.control.append(ControlMessage(abi.SOL_SOCKET, abi.SCM_RIGHTS, b"", files))

    def give_pidfd(self, message: Message, got: Received) -> None:
        """SCM_PIDFD for SO_PASSPIDFD: a descriptor of who sent it or, of who is gone, an error's number (scm_pidfd_recv)."""
        if message.creds is None or message.creds[0] is None or not self.options.get(abi.SO_PASSPIDFD):
            return
        file = pid_file_of(message.creds)
        if file is None:
            got.control.append(ControlMessage(abi.SOL_SOCKET, abi.SCM_PIDFD, abi.INT.pack(-errno.EINVAL)))
        else:
            file.acquire()
            got.control.append(ControlMessage(abi.SOL_SOCKET, abi.SCM_PIDFD, b"", [file]))

    def discard(self, message: Message) -> None:
        """Nobody will read the message any more."""
        self.uncharge(message)
        files = message.files
        if files is not None:
            message.files = None
            self.namespace.detach(message.sender.uid, files)
            self.namespace.drop_all(files)

    def uncharge(self, message: Message) -> None:
        """sock_wfree: the sender has room again."""
        sender = message.sender
        sender.sent -= message.charge
        self.namespace.charged -= message.charge
        message.charge = 0
        if sender.writable():
            sender.queue.notify(EVENT_OUT)

    # --- readiness ---

    def writable(self) -> bool:
        """unix_writable."""
        return self.state != LISTENING and self.sent << 2 <= self.options.sndbuf

    def poll(self, t: Task | None) -> int:
        mask = EVENT_ERR if self.error else 0
        if self.shut == BOTH_SHUTDOWN:
            mask |= EVENT_HUP
        if self.shut & RCV_SHUTDOWN:
            mask |= EVENT_RDHUP | EVENT_IN
        if self.inbox:
            mask |= EVENT_IN
        if self.kind != abi.SOCK_DGRAM and self.state == CLOSED:
            mask |= EVENT_HUP
        if self.writable():
            mask |= EVENT_OUT
        return mask

    # --- options ---

    def getsockopt(self, t: Task, level: int, name: int, size: int) -> bytes:
        if level != abi.SOL_SOCKET:
            raise SyscallError(errno.EOPNOTSUPP)
        if name == abi.SO_PEERCRED:
            return pack_ucred(t, self.peer_creds)
        if name == abi.SO_PEERPIDFD:
            if self.peer_creds == NOBODY:  # a tuple has no identity in compiled code
                raise SyscallError(errno.ENODATA)
            file = pid_file_of(self.peer_creds)
            if file is None:
                raise SyscallError(errno.EINVAL)
            return abi.INT.pack(t.fds.install(file, cloexec=True))
        if name == abi.SO_PEERGROUPS:
            if self.peer_creds == NOBODY:  # a tuple has no identity in compiled code
                raise SyscallError(errno.ENODATA)
            groups = b"".join(abi.UINT.pack(t.creds.user.gids.shown(gid)) for gid in self.peer_groups)
            if size < len(groups):
                raise SyscallError(errno.ERANGE)
            return groups
        return super().getsockopt(t, level, name, size)

    def setsockopt(self, t: Task, level: int, name: int, value: bytes) -> None:
        if level != abi.SOL_SOCKET:
            raise SyscallError(errno.EOPNOTSUPP)
        super().setsockopt(t, level, name, value)

    def accepting(self) -> bool:
        return self.state == LISTENING

    def shutdown(self, t: Task, how: int) -> None:
        """unix_shutdown: the peer of a connection is shut down the other way round."""
        mode = how + 1
        self.shut |= mode
        other = self.peer
        if other is not None and self.kind != abi.SOCK_DGRAM:
            theirs = 0
            if mode & RCV_SHUTDOWN:
                theirs |= SEND_SHUTDOWN
            if mode & SEND_SHUTDOWN:
                theirs |= RCV_SHUTDOWN
            other.shut |= theirs
            other.changed()
        self.changed()

    def changed(self) -> None:
        """The state changed: everybody looks again."""
        mask = EVENT_IN | EVENT_OUT | EVENT_RDHUP
        if self.shut == BOTH_SHUTDOWN:
            mask |= EVENT_HUP
        self.queue.notify(mask)

    # --- the end ---

    def sockets_in_queues(self) -> Iterator[UnixSocket]:
        """Unix sockets that messages in our queue carry, one for each message."""
        for message in self.inbox:
            for file in message.files or ():
                if isinstance(file, UnixSocket):
                    yield file

    def purge(self) -> None:
        """Throw the receive queue away."""
        inbox = self.inbox
        while inbox:
            self.discard(inbox.popleft())

    def unbind(self) -> None:
        """The name is free, though a path stays in the file system."""
        name = self.name
        if name is not None and name[:1] == b"\0" and self.namespace.abstract.get((self.net, self.kind, name)) is self:
            del self.namespace.abstract[(self.net, self.kind, name)]
        if self.bound is not None:
            if self.bound.attached is self:
                self.bound.attached = None
            self.bound = None

    def drop(self) -> None:
        super().drop()
        flying = self.namespace.in_flight
        if flying and self.refs and self.refs == flying.get(self):
            self.namespace.closed()  # only messages refer to it now

    def release(self) -> None:
        self.dead = True
        self.namespace.sockets.pop(self, None)
        self.unbind()
        self.disconnect_on_release()
        self.purge()
        self.namespace.closed()

    def to_accept(self) -> Iterable[UnixSocket]:
        """Of a listener: who has connected."""
        return ()

    def disconnect_on_release(self) -> None:
        """Tell the other side."""

    # --- as a file ---

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> Result:
        if cmd == abi.SIOCINQ:
            if self.state == LISTENING:
                raise SyscallError(errno.EINVAL)
            t.copy_out(arg, abi.INT.pack(self.unread_size()))
            return 0
        if cmd == abi.SIOCOUTQ:
            t.copy_out(arg, abi.INT.pack(self.sent))
            return 0
        if cmd == abi.SIOCATMARK:
            t.copy_out(arg, abi.INT.pack(int(self.at_mark())))
            return 0
        from sandbox.sockets.inet.interface_ioctl import ioctl

        return ioctl(t, t.ns.net.network, cmd, arg, False)

    def unread_size(self) -> int:
        """SIOCINQ."""
        return len(self.inbox[0].data) if self.inbox else 0

    def stat(self) -> Kstat:
        attributes = super().stat()
        if attributes is not self.new_stat:
            attributes.atime = attributes.mtime = attributes.ctime = self.created
        return attributes


def unix_namespace(t: Task) -> UnixNamespace:
    """The sandbox's."""
    kernel = t.kernel
    if kernel.unix is None:
        kernel.unix = UnixNamespace(kernel.reactor)
    return kernel.unix


def unix_sockets_of(kernel: Kernel, net: int) -> list[UnixSocket]:
    """Those of a network namespace, by its number."""
    return [] if kernel.unix is None else [socket for socket in kernel.unix.sockets if socket.net == net]


def not_accepted(sockets: list[UnixSocket]) -> set[UnixSocket]:
    """Those of them that wait for accept(2)."""
    return {one for socket in sockets for one in socket.to_accept()}
