"""x86-64: register numbering.

Indices 0 – 22 are those of `gregset_t` in <sys/ucontext.h>, which is the order in the signal frame
(arch/x86/include/uapi/asm/sigcontext.h: struct sigcontext_64); the segment bases follow.
"""

from __future__ import annotations

from typing import Final

R8: Final = 0
R9: Final = 1
R10: Final = 2
R11: Final = 3
R12: Final = 4
R13: Final = 5
R14: Final = 6
R15: Final = 7
RDI: Final = 8
RSI: Final = 9
RBP: Final = 10
RBX: Final = 11
RDX: Final = 12
RAX: Final = 13
RCX: Final = 14
RSP: Final = 15
RIP: Final = 16
EFLAGS: Final = 17
CSGSFS: Final = 18
ERR: Final = 19
TRAPNO: Final = 20
OLDMASK: Final = 21
CR2: Final = 22
FS_BASE: Final = 23
GS_BASE: Final = 24
NUM_REGS: Final = 25

# Code segments a program may be in, and its stack segment (arch/x86/include/asm/segment.h: __USER_CS, __USER32_CS, __USER_DS).
USER_CS: Final = 0x33
USER32_CS: Final = 0x23
USER_SS: Final = 0x2B
IN_64_BIT: Final = USER_CS | USER_SS << 48  # as CSGSFS has it
IN_32_BIT: Final = USER32_CS | USER_SS << 48

EFLAGS_TF: Final = 0x100  # trap after the next instruction
# What user space may change of eflags through a signal frame (arch/x86/kernel/signal.c: FIX_EFLAGS).
EFLAGS_USER: Final = 0x50DD5
