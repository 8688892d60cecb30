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
    EFLAGS,
    EFLAGS_USER,
    NUM_REGS,
    RAX,
    RDI,
    RDX,
    RIP,
    RSI,
    RSP,
)
from sandbox.platform.base import MemoryFault

if TYPE_CHECKING:
    from sandbox.kernel.signal_info import SignalInfo
    from sandbox.kernel.signal_queue import SigAction
    from sandbox.kernel.task import Task

_M64: Final = 0xFFFFFFFFFFFFFFFF
RED_ZONE: Final = 128
UC_FLAGS: Final = 7  # UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS
EFLAGS_CLEARED: Final = 0x400 | 0x10000 | 0x100  # DF, RF, TF
USER_CS: Final = 0x33
USER_SS: Final = 0x2B

# pretcode, uc_flags, uc_link, ss_sp, ss_flags, ss_size, 23 registers, fpstate, reserved, sigmask
_HEAD: Final = struct.Struct("<QQQQI4xQ23QQ64xQ")
_UCONTEXT: Final = struct.Struct("<QQQI4xQ23QQ64xQ")
FRAME_SIZE: Final = _HEAD.size + SIGINFO_SIZE
UC_OFFSET: Final = 8
INFO_OFFSET: Final = _HEAD.size

FXSAVE_SIZE: Final = 512
SW_RESERVED: Final = 464
MAGIC1: Final = 0x46505853
MAGIC2: Final = 0x46505845
_SW: Final = struct.Struct("<IIQI")  # magic1, extended_size, xfeatures, xstate_size
MAX_XSAVE: Final = 16384
LIKELY_SIZE: Final = 3584  # a frame with AVX-512 state


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


def push_signal_frame(t: Task, info: SignalInfo, action: SigAction, mask: int) -> bool:
    """Make the stopped thread start `action.handler`. False: the frame can't be written. `mask` is what sigreturn
    puts back."""
    if not action.flags & SA_RESTORER:
        return False
    thread = t.thread
    regs = thread.get_regs()
    sp = regs[RSP]
    nested = not t.altstack_flags & SS_AUTODISARM and t.altstack_size != 0 and on_altstack(t, sp)
    entering = False
    top = sp - RED_ZONE
    if action.flags & SA_ONSTACK and altstack_flags(t, sp) == 0:
        top = t.altstack_sp + t.altstack_size
        entering = True
    image = thread.fpu_state()
    fp = (top - len(image)) & ~63
    frame = ((fp - FRAME_SIZE) & ~15) - 8
    if frame < 0 or ((nested or entering) and not on_altstack(t, frame)):
        return False
    out = bytearray(fp - frame + len(image))
    _HEAD.pack_into(
        out,
        0,
        action.restorer,
        UC_FLAGS,
        0,
        t.altstack_sp,
        t.altstack_flags,
        t.altstack_size,
        *regs[:CSGSFS],
        USER_CS | USER_SS << 48,
        regs[CSGSFS + 1],
        regs[CSGSFS + 2],
        mask & _M64,
        regs[CSGSFS + 4],
        fp if image else 0,
        mask,
    )
    out[INFO_OFFSET : INFO_OFFSET + SIGINFO_SIZE] = info.pack()
    out[fp - frame :] = image
    try:
        t.space.write(frame, out)
    except MemoryFault:
        return False
    if t.altstack_flags & SS_AUTODISARM:
        t.altstack_sp = t.altstack_size = 0
        t.altstack_flags = SS_DISABLE
    regs[RDI] = info.signo
    regs[RAX] = 0
    regs[RSI] = frame + INFO_OFFSET
    regs[RDX] = frame + UC_OFFSET
    regs[RIP] = action.handler
    regs[RSP] = frame
    regs[EFLAGS] &= ~EFLAGS_CLEARED
    thread.set_regs(regs)
    return True


def pop_signal_frame(t: Task) -> int | None:
    """rt_sigreturn(2): registers, floating-point state and alternate stack come back from the frame at rsp - 8.

    The result is the signal mask to restore; None: the frame is bad (SIGSEGV).
    """
    thread = t.thread
    regs = thread.get_regs()
    at = regs[RSP]
    try:
        raw = _read_frame(t, at)
        fields = _UCONTEXT.unpack_from(raw)
        image = _read_fpu(t, fields[28], at, raw)
    except MemoryFault:
        return None
    if image is None or not thread.set_fpu_state(image):
        return None
    saved = fields[5:28]
    eflags = regs[EFLAGS] & ~EFLAGS_USER | saved[EFLAGS] & EFLAGS_USER
    # Error code, trap number, mask and cr2 in the frame are for reading only.
    new = [*saved[:CSGSFS], *regs[CSGSFS:NUM_REGS]]
    new[EFLAGS] = eflags
    thread.set_regs(new)
    set_altstack(t, fields[2], fields[3], fields[4], new[RSP])
    mask: int = fields[29]
    return mask


def _read_frame(t: Task, at: int) -> bytes:
    """The ucontext at `at`, with what should be its FPU image if that much is there; MemoryFault."""
    try:
        return t.space.read(at, LIKELY_SIZE)
    except MemoryFault:
        return t.space.read(at, _UCONTEXT.size)


def _read_fpu(t: Task, address: int, at: int, near: bytes) -> bytes | None:
    """The XSAVE image that a frame points to; empty (the initial state) when it points nowhere; None: unusable.

    `near` are the bytes at `at`, read already. A frame whose magic numbers do not hold is an FXSAVE
    image (arch/x86/kernel/fpu/signal.c).
    """
    if address == 0:
        return b""
    if address & 63:
        return None
    start = address - at
    inside = 0 <= start <= len(near) - FXSAVE_SIZE
    legacy = near[start : start + FXSAVE_SIZE] if inside else t.space.read(address, FXSAVE_SIZE)
    magic1, extended, _, xstate_size = _SW.unpack_from(legacy, SW_RESERVED)
    if magic1 == MAGIC1 and FXSAVE_SIZE + 64 <= xstate_size < extended <= MAX_XSAVE:
        whole = near[start : start + extended] if inside and start + extended <= len(near) else b""
        whole = whole or t.space.read(address, extended)
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
