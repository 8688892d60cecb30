"""x86-64 signal frames: struct rt_sigframe on the guest's stack, and rt_sigreturn(2).

Layout (arch/x86/include/asm/sigframe.h): return address, ucontext, siginfo; above it, 64-byte aligned,
the XSAVE image with FP_XSTATE_MAGIC1 in its software-reserved bytes and FP_XSTATE_MAGIC2 behind it.
Everything read back is guest input.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.signal import (
    MINSIGSTKSZ,
    SA_ONSTACK,
    SA_RESTORER,
    SIGINFO_SIZE,
    SS_AUTODISARM,
    SS_DISABLE,
    SS_ONSTACK,
)
from sandbox.arch.amd64 import (
    CSGSFS,
    IN_32_BIT,
    IN_64_BIT,
    NUM_REGS,
    RSP,
    USER32_CS,
    USER_CS,
    USER_SS,
)
from sandbox.platform.base import MemoryFault

if TYPE_CHECKING:
    from sandbox.kernel.signal_info import SignalInfo
    from sandbox.kernel.signal_queue import SigAction
    from sandbox.kernel.task import Task

_M64: Final = 0xFFFFFFFFFFFFFFFF
RED_ZONE: Final = 128
UC_STRICT_RESTORE_SS: Final = 4
UC_FLAGS: Final = 3 | UC_STRICT_RESTORE_SS  # UC_FP_XSTATE, UC_SIGCONTEXT_SS
EFLAGS_CLEARED: Final = 0x400 | 0x10000 | 0x100  # DF, RF, TF

# pretcode, uc_flags, uc_link, ss_sp, ss_flags, ss_size; 18 registers; 5 more, fpstate, reserved, sigmask
_FIRST: Final = struct.Struct("<QQQQI4xQ")
_LAST: Final = struct.Struct("<5QQ64xQ")
_UCONTEXT: Final = struct.Struct("<QQQI4xQ23QQ64xQ")
_GENERAL: Final = CSGSFS * 8  # size of the registers before the segments
_REGISTERS: Final = struct.Struct(f"<{NUM_REGS}Q")
_FROM_RSP: Final = struct.Struct("<Q8xQQQQ8xQ")  # rsp, eflags, segments, error code, trap number, cr2
UC_OFFSET: Final = 8
INFO_OFFSET: Final = _FIRST.size + _GENERAL + _LAST.size
FRAME_SIZE: Final = INFO_OFFSET + SIGINFO_SIZE
_SAVED: Final = 5  # number of the first register there
UCONTEXT_SIZE: Final = _UCONTEXT.size

FXSAVE_SIZE: Final = 512
SW_RESERVED: Final = 464
MAGIC1: Final = 0x46505853
MAGIC2: Final = 0x46505845
_SW: Final = struct.Struct("<IIQI")  # magic1, extended_size, xfeatures, xstate_size
MAX_XSAVE: Final = 16384


def on_altstack(t: Task, sp: int) -> bool:
    """`sp` lies on the alternate stack (include/linux/sched/signal.h: __on_sig_stack)."""
    return t.altstack_sp < sp <= t.altstack_sp + t.altstack_size


def altstack_flags(t: Task, sp: int) -> int:
    """SS_DISABLE, SS_ONSTACK or 0, as sas_ss_flags has it."""
    if not t.altstack_size:
        return SS_DISABLE
    if t.altstack_flags & SS_AUTODISARM:
        return 0
    return SS_ONSTACK if on_altstack(t, sp) else 0


class SignalFrame:
    """A frame that is to be written before its handler runs: `head` at `address`, the floating-point state at `fpu`.
    The registers are the handler's already; `undo` has what they and the alternate stack were before."""

    __slots__ = ("info", "action", "mask", "address", "head", "fpu", "undo")

    def __init__(self, info: SignalInfo, action: SigAction, mask: int) -> None:
        self.info = info
        self.action = action
        self.mask = mask
        self.address = 0
        self.head = b""
        self.fpu = 0
        self.undo: tuple[bytes, int, int, int] = (b"", 0, 0, 0)

    def enter(self, t: Task, image_size: int) -> bool:
        """Make the stopped thread start the handler, once the frame is written. False: there is no room for it."""
        action = self.action
        if not action.flags & SA_RESTORER:
            return False
        thread = t.thread
        regs = thread.register_image()
        sp, flags, segments, error, trap, cr2 = _FROM_RSP.unpack_from(regs, RSP * 8)
        alt_flags = t.altstack_flags
        nested = not alt_flags & SS_AUTODISARM and t.altstack_size != 0 and on_altstack(t, sp)
        entering = action.flags & SA_ONSTACK != 0 and altstack_flags(t, sp) == 0
        top = t.altstack_sp + t.altstack_size if entering else sp - RED_ZONE
        fpu = (top - image_size) & ~63
        frame = ((fpu - FRAME_SIZE) & ~15) - 8
        if frame < 0 or ((nested or entering) and not on_altstack(t, frame)):
            return False
        self.undo = (regs, t.altstack_sp, t.altstack_size, alt_flags)
        self.address = frame
        self.fpu = fpu if image_size else 0
        self.head = (
            _FIRST.pack(action.restorer, UC_FLAGS, 0, t.altstack_sp, alt_flags, t.altstack_size)
            + regs[:_GENERAL]
            + _LAST.pack(_in_code_of(segments), error, trap, self.mask & _M64, cr2, self.fpu, self.mask)
            + self.info.pack()
        )
        if alt_flags & SS_AUTODISARM:
            t.altstack_sp = t.altstack_size = 0
            t.altstack_flags = SS_DISABLE
        arguments = (self.info.signo, frame + INFO_OFFSET, frame + UC_OFFSET)
        thread.enter(action.handler, frame, flags & ~EFLAGS_CLEARED, arguments)
        return True

    def leave(self, t: Task) -> None:
        """Undo `enter`."""
        regs, t.altstack_sp, t.altstack_size, t.altstack_flags = self.undo
        t.thread.set_regs(_REGISTERS.unpack(regs))

    def write(self, t: Task) -> bool:
        """Write it here and now. False: the stack can't take it."""
        thread = t.thread
        image = thread.fpu_state()
        at = self.fpu - self.address if image else len(self.head)
        out = bytearray(at + len(image))
        out[: len(self.head)] = self.head
        out[at:] = image
        try:
            t.space.write(self.address, out)
        except MemoryFault:
            return False
        thread.set_fpu_state(b"")
        return True


def pop_signal_frame(t: Task) -> tuple[int, int, bool] | None:
    """rt_sigreturn(2): registers and alternate stack come back from the frame at rsp - 8.

    The result is the signal mask to restore, where the floating-point state is (see `take_fpu`), and whether the processor
    takes the segments; if not, the thread has a SIGSEGV where it would have gone on. None: the frame is bad (SIGSEGV).
    """
    thread = t.thread
    sp = thread.get_reg(RSP)
    try:
        fields = _UCONTEXT.unpack(thread.read(sp, UCONTEXT_SIZE))
    except MemoryFault:
        return None
    # Error code, trap number, mask and cr2 in the frame are for reading only.
    set_altstack(t, fields[2], fields[3], fields[4], sp)
    thread.set_regs(fields[_SAVED : _SAVED + CSGSFS])
    segments = fields[_SAVED + CSGSFS] | 3 << 48 | 3
    strict = fields[0] & UC_STRICT_RESTORE_SS != 0  # else the host puts a stack segment that is none right
    thread.set_reg(CSGSFS, _in_code_of(segments))
    sound = segments & 0xFFFF in (USER_CS, USER32_CS) and (segments >> 48 == USER_SS or not strict)
    return fields[29], fields[28], sound


def _in_code_of(segments: int) -> int:
    """The segments of 64-bit or of 32-bit code (a program may jump to the latter), as CSGSFS has them."""
    return IN_32_BIT if segments & 0xFFFF == USER32_CS else IN_64_BIT


def take_fpu(t: Task, address: int) -> bool:
    """Take the floating-point state from a frame; 0: the initial one. False: the frame is bad."""
    try:
        return not address & 63 and t.thread.set_fpu_state(_read_fpu(t, address) if address else b"")
    except MemoryFault:
        return False


def _read_fpu(t: Task, address: int) -> bytes:
    """The XSAVE image at `address`; MemoryFault. One whose magic numbers do not hold is an FXSAVE image
    (arch/x86/kernel/fpu/signal.c)."""
    legacy = t.space.read(address, FXSAVE_SIZE)
    magic1, extended, _, xstate_size = _SW.unpack_from(legacy, SW_RESERVED)
    if magic1 == MAGIC1 and FXSAVE_SIZE + 64 <= xstate_size < extended <= MAX_XSAVE:
        whole = t.space.read(address, extended)
        if whole[xstate_size : xstate_size + 4] == MAGIC2.to_bytes(4, "little"):
            return whole
    return legacy


def set_altstack(t: Task, sp: int, flags: int, size: int, current_sp: int) -> int:
    """sigaltstack(2) without its result: 0 or a positive errno."""
    if not t.altstack_flags & SS_AUTODISARM and t.altstack_size and on_altstack(t, current_sp):
        return 1  # EPERM
    mode = flags & ~SS_AUTODISARM
    if mode not in (SS_DISABLE, SS_ONSTACK, 0):
        return 22  # EINVAL
    if t.altstack_sp == sp and t.altstack_size == size and t.altstack_flags == flags:
        return 0
    if mode == SS_DISABLE:
        sp = size = 0
    elif size < MINSIGSTKSZ:
        return 12  # ENOMEM
    t.altstack_sp = sp
    t.altstack_size = size
    t.altstack_flags = flags
    return 0
