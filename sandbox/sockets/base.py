"""SocketFile: an open socket, and what a protocol family implements (struct proto_ops).

Each operation is one attempt that never blocks. The handlers of syscalls/linux/sys_socket.py copy addresses,
buffers and control messages, wait on `queue` (or `connect_queue`) with the socket's time-outs, and install
descriptors. Addresses are raw `struct sockaddr` bytes, family included, at most 128 of them.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.fcntl import O_NONBLOCK, O_RDWR
from sandbox.abi.linux.stat import S_IFSOCK
from sandbox.errors import SyscallError
from sandbox.sockets import message_filter
from sandbox.sockets.options import SocketOptions
from sandbox.sockets.socket_facts import get_fact, refuse_bpf
from sandbox.vfs.anon import next_inode
from sandbox.vfs.file_description import FileDescription
from sandbox.vfs.kstat import SOCK_DEV, Kstat
from sandbox.vfs.poll import BAND
from tcpip.waiter import WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

IN_PROGRESS: Final = -errno.EINPROGRESS
STREAM_UNIT: Final = 1 << 15  # a page fragment of tcp_sendmsg, UNIX_SKB_FRAGS_SZ


class ControlMessage:
    """One control message to send: `level`, `type`, raw `data`; for SCM_RIGHTS and SCM_PIDFD `files` in its place."""

    __slots__ = ("level", "type", "data", "files")

    def __init__(self, level: int, type: int, data: bytes, files: list[FileDescription] | None = None) -> None:
        self.level = level
        self.type = type
        self.data = data
        self.files = files


class Received:
    """What came with received data, besides the bytes.

    `address`: the sender (b"" where a protocol gives none); `flags`: MSG_TRUNC, MSG_EOR, MSG_OOB, MSG_ERRQUEUE;
    `size`: true length of the message, more than what was stored when it was truncated; `control`: in order.
    Files of a SCM_RIGHTS message carry one reference each, which the handler takes over or drops.
    `want_control`: the caller has room for control messages.
    """

    __slots__ = ("address", "flags", "size", "control", "want_control")

    def __init__(self, want_control: bool = False) -> None:
        self.address = b""
        self.flags = 0
        self.size = 0
        self.control: list[ControlMessage] = []
        self.want_control = want_control


NO_CONTROL: Final[tuple[ControlMessage, ...]] = ()


class SocketFile(FileDescription):
    """`family`, `kind` (SOCK_STREAM …) and `protocol` as socket(2) was asked, the protocol's default filled in.

    A family overrides the operations below; the defaults are sock_no_*'s.
    """

    nowait = True
    norm = BAND
    own_attributes = True

    def __init__(self, family: int, kind: int, protocol: int, flags: int = 0) -> None:
        super().__init__(O_RDWR | (flags & O_NONBLOCK))
        self.family = family
        self.kind = kind
        self.protocol = protocol
        self.options = SocketOptions()
        self.inode = next_inode()
        self.uid = 0  # of its inode: whoever made it, by `owned_by`
        self.gid = 0
        self.new_stat: Kstat | None = None  # attributes, once fchmod(2) or its like has changed them
        self.error = 0  # sk_err: pending asynchronous error, a positive errno; SO_ERROR reads and clears it
        self.drops_truncated = False  # MSG_TRUNC throws bytes of the stream away (tcp(7))
        self.connect_queue: WaitQueue = self.queue  # what a connect that returned WOULD_BLOCK waits on

    def owned_by(self, t: Task) -> None:
        """Made by `t`, with socket(2) or accept(2)."""
        self.uid = t.creds.fsuid
        self.gid = t.creds.fsgid
        self.options.take_defaults(t.kernel.settings.buffers)

    def stat(self) -> Kstat:
        """fstat(2) (net/socket.c: sock_alloc)."""
        return self.new_stat or Kstat(S_IFSOCK | 0o777, self.inode, SOCK_DEV, self.uid, self.gid)

    def set_stat(self, attributes: Kstat) -> None:
        self.new_stat = attributes

    # --- the family's operations: one attempt each ---

    def check_send(self) -> None:
        """What sendmsg(2) answers before it looks at control messages."""

    def bind(self, t: Task, address: bytes) -> None:
        """bind(2)."""
        raise SyscallError(errno.EOPNOTSUPP)

    def connect(self, t: Task, address: bytes) -> int:
        """Start connecting: 0 when done, IN_PROGRESS when under way (the handler waits for EVENT_OUT and asks
        `connect_result`), WOULD_BLOCK when the same call is to be tried again after `connect_queue` fires."""
        raise SyscallError(errno.EOPNOTSUPP)

    def connect_result(self, t: Task) -> int:
        """How a connect that was under way stands: 0, IN_PROGRESS; raises what it failed with."""
        return IN_PROGRESS

    def listen(self, t: Task, backlog: int) -> None:
        """listen(2); `backlog` is already within 0 … SOMAXCONN."""
        raise SyscallError(errno.EOPNOTSUPP)

    def accept(self, t: Task, flags: int) -> SocketFile | None:
        """The next connection as a new open file with no reference yet, None to wait. `flags`: O_NONBLOCK or 0."""
        raise SyscallError(errno.EOPNOTSUPP)

    def sendmsg(self, t: Task, data: memoryview, address: bytes, flags: int, control: list[ControlMessage]) -> int:
        """Bytes taken (a stream may take fewer, a message is taken whole), or WOULD_BLOCK. `address` is b"" if
        none was given. A stream whose peer is gone calls `broken_pipe`."""
        raise SyscallError(errno.EOPNOTSUPP)

    def at_mark(self) -> bool:
        """The next byte of a stream is an urgent one: no read goes on from the text before it (SIOCATMARK)."""
        return False

    def before_data(self, t: Task, size: int, address: bytes, flags: int) -> int:
        """What sending `size` bytes answers before it looks at them: 0, or WOULD_BLOCK."""
        return 0

    def recvmsg(self, t: Task, dst: memoryview, flags: int, got: Received | None) -> int:
        """Bytes stored in `dst`, 0 at the end, or WOULD_BLOCK. Honours MSG_PEEK, MSG_OOB, MSG_ERRQUEUE; `got` is
        filled in when there is one."""
        raise SyscallError(errno.EOPNOTSUPP)

    def shutdown(self, t: Task, how: int) -> None:
        """shutdown(2); `how` is SHUT_RD, SHUT_WR or SHUT_RDWR."""
        raise SyscallError(errno.EOPNOTSUPP)

    def getsockname(self, t: Task) -> bytes:
        """Own address."""
        raise SyscallError(errno.EOPNOTSUPP)

    def getpeername(self, t: Task) -> bytes:
        """The peer's address; ENOTCONN."""
        raise SyscallError(errno.EOPNOTSUPP)

    def accepting(self) -> bool:
        """SO_ACCEPTCONN: it listens."""
        return False

    def setsockopt(self, t: Task, level: int, name: int, value: bytes) -> None:
        """setsockopt(2). A family handles its own levels and calls this for SOL_SOCKET."""
        if level != abi.SOL_SOCKET:
            raise SyscallError(errno.ENOPROTOOPT)
        if name in (abi.SO_ATTACH_BPF, abi.SO_ATTACH_REUSEPORT_EBPF):
            refuse_bpf(t, value)
        if name in (
            abi.SO_ATTACH_REUSEPORT_CBPF,
            abi.SO_DETACH_REUSEPORT_BPF,
        ):  # of a family whose sockets share no ports
            raise SyscallError(errno.EINVAL)
        if name in (abi.SO_ATTACH_FILTER, abi.SO_DETACH_FILTER, abi.SO_LOCK_FILTER):
            message_filter.set_option(t, self.options, name, value)
            return
        self.options.set(t, name, value)
        self.option_changed(t, name)

    def option_changed(self, t: Task, name: int) -> None:
        """A SOL_SOCKET option was set: a hook for the family (buffer sizes, keep-alive …). May raise."""

    def getsockopt(self, t: Task, level: int, name: int, size: int) -> bytes:
        """getsockopt(2): the value; the handler cuts it to `size`. A family calls this for SOL_SOCKET."""
        if level != abi.SOL_SOCKET:
            raise SyscallError(errno.ENOPROTOOPT)
        if name == abi.SO_TYPE:
            return abi.INT.pack(self.kind)
        if name == abi.SO_DOMAIN:
            return abi.INT.pack(self.family)
        if name == abi.SO_PROTOCOL:
            return abi.INT.pack(self.protocol)
        if name == abi.SO_ACCEPTCONN:
            return abi.INT.pack(int(self.accepting()))
        if name == abi.SO_ERROR:
            return abi.INT.pack(self.take_error())
        if name in (abi.SO_ATTACH_FILTER, abi.SO_LOCK_FILTER):
            return message_filter.get_option(self.options, name)
        fact = get_fact(self, t, name, size)
        return self.options.get_bytes(name) if fact is None else fact

    def net_number(self, t: Task) -> int:
        """Which network namespace it belongs to."""
        return t.ns.net.number

    def memory_info(self) -> tuple[int, ...]:
        """SO_MEMINFO: bytes received, their bound, bytes sent, their bound, reserved, queued to send, options, backlog, drops."""
        return (0, self.options.rcvbuf, 0, self.options.sndbuf, 0, 0, 0, 0, 0)

    def take_error(self) -> int:
        """The pending error, which is cleared (sock_error)."""
        number, self.error = self.error, 0
        return number

    # --- as an open file ---

    @property
    def write_once(self) -> bool:
        return self.kind != abi.SOCK_STREAM

    def read(self, t: Task, dst: memoryview) -> int:
        if not len(dst):
            return 0  # sock_read_iter looks at nothing then
        return self.recvmsg(t, dst, 0, None)

    def write(self, t: Task, src: memoryview) -> int:
        return self.sendmsg(t, src, b"", 0, [])

    @property
    def fault_unit(self) -> int:
        """A message is fetched whole, a stream's text packet by packet."""
        return STREAM_UNIT if self.kind == abi.SOCK_STREAM else 1 << 31

    def write_fault(self, t: Task, size: int) -> int:
        return self.before_data(t, size, b"", 0) or -errno.EFAULT

    def unread(self, data: memoryview) -> None:
        """A message is lost; a stream that can put bytes back overrides this."""

    def read_deadline(self, t: Task, before: int | None) -> int | None:
        timeout = self.options.rcv_timeout
        if before is not None or not timeout:
            return before
        return t.kernel.clock.now_ns() + timeout

    def write_deadline(self, t: Task, before: int | None) -> int | None:
        timeout = self.options.snd_timeout
        if before is not None or not timeout:
            return before
        return t.kernel.clock.now_ns() + timeout

    def link_text(self) -> str:
        return f"socket:[{self.inode}]"


class Family:
    """A protocol family: what socket(2) and socketpair(2) call."""

    def create(self, t: Task, kind: int, protocol: int) -> SocketFile:
        """A new socket. ESOCKTNOSUPPORT, EPROTONOSUPPORT, EACCES, EPERM."""
        raise NotImplementedError

    def pair(self, t: Task, kind: int, protocol: int) -> tuple[SocketFile, SocketFile]:
        """Two connected sockets; EOPNOTSUPP where the family has no pairs."""
        file = self.create(t, kind, protocol)  # the protocol is looked at first
        file.acquire()
        file.drop()
        raise SyscallError(errno.EOPNOTSUPP)
