"""The registers of a stopped thread as a tracer sees and sets them (arch/x86/kernel/ptrace.c, asm/user_64.h)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.ptrace import DEBUG_REGISTERS, USER_DEBUGREG, USER_SIZE
from sandbox.arch.amd64 import (
    EFLAGS,
    EFLAGS_TF,
    FS_BASE,
    GS_BASE,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    RAX,
    RBP,
    RBX,
    RCX,
    RDI,
    RDX,
    RIP,
    RSI,
    RSP,
    USER_CS,
    USER_SS,
)
from sandbox.arch.signal_frame import MAGIC1, MAGIC2, SW_RESERVED
from sandbox.errors import SyscallError
from sandbox.kernel.task import USER_MAX
from sandbox.ptrace.watch import STATUS, STATUS_SET, DebugRegisters

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.kernel.tracee import Tracee

_M64: Final = 0xFFFFFFFFFFFFFFFF
_REGS: Final = struct.Struct("<27Q")
REGS_SIZE: Final = _REGS.size
_ORIG_RAX: Final = -1
_CS: Final = -2
_SS: Final = -3
_DATA: Final = -4  # ds, es, fs, gs: nothing is in them
# struct user_regs_struct
_ORDER: Final = (
    R15, R14, R13, R12, RBP, RBX, R11, R10, R9, R8, RAX, RCX, RDX, RSI, RDI, _ORIG_RAX, RIP, _CS, EFLAGS, RSP, _SS,
    FS_BASE, GS_BASE, _DATA, _DATA, _DATA, _DATA,
)  # fmt: skip
_FLAGS_SET: Final = 0x50DD5  # FLAG_MASK: what a tracer may set
FPREGS_SIZE: Final = 512
_SW: Final = struct.Struct("<IIQI")
_XSTATE_BV: Final = 512
_XCOMP_BV: Final = 520  # and what follows it in the header is zero, also where the processor would not look
_HEADER_END: Final = 576
_XTILECFG: Final = 1 << 17
_XTILEDATA: Final = 1 << 18
_XTILEDATA_END: Final = 2816 + 8192
_FCW_INITIAL: Final = (0x37F).to_bytes(2, "little")
_MXCSR_AT: Final = 24


def _get(t: Task, tracee: Tracee, index: int) -> int:
    if index >= 0:
        return t.thread.get_reg(index)
    return {_ORIG_RAX: tracee.orig_rax & _M64, _CS: USER_CS, _SS: USER_SS}.get(index, 0)


def get_regs(t: Task, tracee: Tracee) -> bytes:
    """struct user_regs_struct."""
    return _REGS.pack(*(_get(t, tracee, index) for index in _ORDER))


def pack_regs(t: Task, orig: int, result: int | None) -> bytes:
    """The same in a core: `orig` is the number of the call that the thread was in, -1 outside; `result`, if there is one, what
    it has given."""
    values = {_ORIG_RAX: orig & _M64, _CS: USER_CS, _SS: USER_SS, _DATA: 0}
    if result is not None:
        values[RAX] = result & _M64
    return _REGS.pack(*(values[index] if index in values else t.thread.get_reg(index) for index in _ORDER))


def _put(t: Task, tracee: Tracee, index: int, value: int) -> None:
    """putreg: EIO for what no thread of user mode can have."""
    if index == _ORIG_RAX:
        tracee.orig_rax = value if value < 1 << 63 else value - (1 << 64)
    elif index in (FS_BASE, GS_BASE):
        if value >= USER_MAX:
            raise SyscallError(errno.EIO)
        t.thread.set_reg(index, value)
    elif index == EFLAGS:
        t.thread.set_reg(EFLAGS, t.thread.get_reg(EFLAGS) & ~_FLAGS_SET | value & _FLAGS_SET)
        if value & EFLAGS_TF:
            tracee.forced_tf = tracee.hid_tf = False
    elif index >= 0:
        t.thread.set_reg(index, value)
    else:
        selector = value & 0xFFFF
        if (selector and selector & 3 != 3) or (not selector and index in (_CS, _SS)):
            raise SyscallError(errno.EIO)


def set_regs(t: Task, tracee: Tracee, data: bytes) -> None:
    """The first of them, as many as there are; those before one that is refused are set."""
    for n in range(len(data) // 8):
        _put(t, tracee, _ORDER[n], int.from_bytes(data[8 * n : 8 * n + 8], "little"))


def peek_user(t: Task, tracee: Tracee, offset: int) -> int:
    """A word of struct user: EIO."""
    if offset & 7 or offset >= USER_SIZE:
        raise SyscallError(errno.EIO)
    if offset < REGS_SIZE:
        return _get(t, tracee, _ORDER[offset >> 3])
    number = (offset - USER_DEBUGREG) >> 3
    if not 0 <= number < DEBUG_REGISTERS:
        return 0
    if tracee.debug is None:
        return STATUS_SET if number == STATUS else 0
    return tracee.debug.get(number)


def poke_user(t: Task, tracee: Tracee, offset: int, value: int) -> None:
    """EIO, EINVAL, ENOSPC."""
    if offset & 7 or offset >= USER_SIZE:
        raise SyscallError(errno.EIO)
    if offset < REGS_SIZE:
        _put(t, tracee, _ORDER[offset >> 3], value)
        return
    number = (offset - USER_DEBUGREG) >> 3
    if not 0 <= number < DEBUG_REGISTERS:
        raise SyscallError(errno.EIO)
    if tracee.debug is None:
        tracee.debug = DebugRegisters()
    tracee.debug.put(number, value, USER_MAX)


# --- floating point ---


def _image(t: Task) -> bytes:
    image = t.thread.fpu_state()
    if len(image) < 576:
        raise SyscallError(errno.EIO)
    return image


def _xstate_size(image: bytes) -> tuple[int, int]:
    """Size of the XSAVE area and the features that it has room for."""
    magic, _, features, size = _SW.unpack_from(image, SW_RESERVED)
    if magic != MAGIC1 or not 576 <= size <= len(image):
        raise SyscallError(errno.EIO)
    return size, features


def state_features(t: Task) -> int:
    """XFEATURE_MASK_* of what the frames of its signals hold."""
    return _xstate_size(_image(t))[1]


def _legacy(image: bytes) -> bytes:
    """The first 416 bytes, with the initial values where the header says that they are meant."""
    out = bytearray(image[:416])
    present = int.from_bytes(image[_XSTATE_BV : _XSTATE_BV + 8], "little")
    if not present & 1:
        out[:24] = _FCW_INITIAL.ljust(24, b"\0")
        out[32:160] = bytes(128)
    if not present & 2:
        out[160:416] = bytes(256)
    return bytes(out)


def get_fpregs(t: Task) -> bytes:
    """struct user_fpregs_struct, which is the FXSAVE area."""
    return _legacy(_image(t)).ljust(FPREGS_SIZE, b"\0")


def set_fpregs(t: Task, data: bytes) -> None:
    """EINVAL for what the CPU would refuse."""
    image = bytearray(_image(t))
    image[:416] = data[:416]
    present = int.from_bytes(image[_XSTATE_BV : _XSTATE_BV + 8], "little") | 3
    image[_XSTATE_BV : _XSTATE_BV + 8] = present.to_bytes(8, "little")
    if not t.thread.set_fpu_state(bytes(image)):
        raise SyscallError(errno.EINVAL)


def _shown(size: int, features: int) -> tuple[int, int]:
    """The same as tracers and cores have it: with the data of tiles, which a signal frame has room for only where the process has
    asked for them (fpu_user_cfg.max_size)."""
    if features & _XTILECFG and not features & _XTILEDATA and size <= _XTILEDATA_END:
        return _XTILEDATA_END, features | _XTILEDATA
    return size, features


def get_xstate(t: Task) -> bytes:
    """The XSAVE area; XCR0 is in its software bytes."""
    image = _image(t)
    size, features = _xstate_size(image)
    whole, features = _shown(size, features)
    head = _legacy(image).ljust(SW_RESERVED, b"\0") + features.to_bytes(8, "little")
    return (head.ljust(FPREGS_SIZE, b"\0") + image[FPREGS_SIZE:size]).ljust(whole, b"\0")


def set_xstate(t: Task, data: bytes) -> None:
    """EFAULT unless it is all of it; EINVAL for what the CPU would refuse."""
    mine = _image(t)
    size, features = _xstate_size(mine)
    if len(data) != _shown(size, features)[0]:
        raise SyscallError(errno.EFAULT)
    if any(data[_XCOMP_BV:_HEADER_END]):
        raise SyscallError(errno.EINVAL)
    image = bytearray(data[:SW_RESERVED] + mine[SW_RESERVED:FPREGS_SIZE] + data[FPREGS_SIZE:size])
    image += MAGIC2.to_bytes(4, "little")
    if not t.thread.set_fpu_state(bytes(image)):
        raise SyscallError(errno.EINVAL)
