"""SignalInfo: one occurrence of a signal, and its siginfo_t (include/uapi/asm-generic/siginfo.h)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.signal import SI_KERNEL, SI_TIMER, SI_TKILL, SI_USER, SIGCHLD, SIGINFO_HEAD, SIGINFO_SIZE
from sandbox.kernel.user_namespace import INITIAL, UserNamespace

if TYPE_CHECKING:
    from sandbox.kernel.pid_namespace import Pid
    from sandbox.kernel.signal_queue import SignalCount

_KILL: Final = struct.Struct("<iI")
_SENT: Final = struct.Struct("<iii4xiI104x")  # the whole of one that kill(2) and its kin have sent
_RT: Final = struct.Struct("<iIQ")
_TIMER: Final = struct.Struct("<iiQ")
_CHILD: Final = struct.Struct("<iIi4xqq")
_FAULT: Final = struct.Struct("<Q")
_POLL: Final = struct.Struct("<qi")

_FAULT_SIGNALS: Final = frozenset((4, 5, 7, 8, 11))
_SIGIO: Final = 29
_SIGSYS: Final = 31


class SignalInfo:
    """What the receiver learns. Only the fields that the code's layout has are seen by a guest.

    `raw` (128 bytes) wins over all fields: rt_sigqueueinfo(2) passes a sender's siginfo through.
    `outside`: sent by the sandbox itself or its operator, which PID 1 cannot ignore for SIGKILL and SIGSTOP.
    `timer`: the POSIX timer whose queued signal this is (its overrun is read on delivery).
    """

    __slots__ = (
        "signo",
        "code",
        "errno",
        "pid",
        "uid",
        "value",
        "addr",
        "status",
        "utime",
        "stime",
        "band",
        "fd",
        "timer_id",
        "overrun",
        "raw",
        "outside",
        "sender",
        "user",
        "timer",
        "charged",
    )

    def __init__(
        self,
        signo: int,
        code: int = SI_KERNEL,
        pid: int = 0,
        uid: int = 0,
        value: int = 0,
        addr: int = 0,
        status: int = 0,
    ) -> None:
        self.signo = signo
        self.code = code
        self.errno = 0
        self.pid = pid
        self.uid = uid
        self.value = value
        self.addr = addr
        self.status = status
        self.utime = 0  # clock ticks
        self.stime = 0
        self.band = 0
        self.fd = 0
        self.timer_id = 0
        self.overrun = 0
        self.raw: bytes | None = None
        self.outside = False  # from somebody whom the receiver does not see
        self.user: UserNamespace = INITIAL  # in which `uid` is meant
        self.sender: Pid | None = None  # of a signal that a process sends: what it is in its PID namespaces
        self.timer: object = None
        self.charged: SignalCount | None = None  # whose queued signals it counts among

    def copy(self) -> SignalInfo:
        """For one more receiver."""
        new = SignalInfo(self.signo, self.code, self.pid, self.uid, self.value, self.addr, self.status)
        new.errno, new.raw, new.outside, new.sender = self.errno, self.raw, self.outside, self.sender
        new.user = self.user
        new.utime, new.stime, new.band, new.fd = self.utime, self.stime, self.band, self.fd
        return new

    def translate(self, user: UserNamespace) -> None:
        """`uid` as somebody in `user` sees it (send_signal_locked, from_kuid_munged)."""
        has_uid = self.code <= SI_USER and self.code != SI_TIMER or (self.signo == SIGCHLD and self.code < SI_KERNEL)
        if has_uid:
            self.uid = user.uids.shown(self.user.uids.to_kernel(self.uid))
            if self.raw is not None:
                self.raw = self.raw[:20] + self.uid.to_bytes(4, "little") + self.raw[24:]
        self.user = user

    def pack(self) -> bytes:
        """The 128 bytes of siginfo_t (kernel/signal.c: siginfo_layout chooses the union member)."""
        if self.raw is not None:
            return self.raw
        if self.code == SI_TKILL or self.code == SI_USER:
            return _SENT.pack(self.signo, self.errno, self.code, self.pid, self.uid)
        out = bytearray(SIGINFO_SIZE)
        SIGINFO_HEAD.pack_into(out, 0, self.signo, self.errno, self.code)
        code, signo = self.code, self.signo
        if SI_USER < code < SI_KERNEL:
            if signo == SIGCHLD:
                _CHILD.pack_into(out, 16, self.pid, self.uid, self.status, self.utime, self.stime)
            elif signo in _FAULT_SIGNALS:
                _FAULT.pack_into(out, 16, self.addr)
            elif signo == _SIGIO:
                _POLL.pack_into(out, 16, self.band, self.fd)
            elif signo == _SIGSYS:
                struct.pack_into("<QiI", out, 16, self.addr, self.value, self.status)
            elif self.fd or self.band:  # F_SETSIG
                _POLL.pack_into(out, 16, self.band, self.fd)
        elif code == SI_TIMER:
            _TIMER.pack_into(out, 16, self.timer_id, self.overrun, self.value)
        elif code < 0 and code != SI_TKILL:
            _RT.pack_into(out, 16, self.pid, self.uid, self.value)
        else:
            _KILL.pack_into(out, 16, self.pid, self.uid)
        return bytes(out)


def from_user(raw: bytes) -> SignalInfo:
    """A SignalInfo for a siginfo_t that a guest wrote; the bytes are passed on as they are."""
    signo, errno, code = SIGINFO_HEAD.unpack_from(raw)
    pid, uid, value = _RT.unpack_from(raw, 16)
    info = SignalInfo(signo, code, pid, uid, value)
    info.errno = errno
    info.raw = raw
    return info
