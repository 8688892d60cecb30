"""Signal numbers, flags, codes and layouts (include/uapi/asm-generic/{signal,siginfo}.h, x86 variants)."""

from __future__ import annotations

import struct
from typing import Final

SIGHUP: Final = 1
SIGINT: Final = 2
SIGQUIT: Final = 3
SIGILL: Final = 4
SIGTRAP: Final = 5
SIGABRT: Final = 6
SIGBUS: Final = 7
SIGFPE: Final = 8
SIGKILL: Final = 9
SIGUSR1: Final = 10
SIGSEGV: Final = 11
SIGUSR2: Final = 12
SIGPIPE: Final = 13
SIGALRM: Final = 14
SIGTERM: Final = 15
SIGSTKFLT: Final = 16
SIGCHLD: Final = 17
SIGCONT: Final = 18
SIGSTOP: Final = 19
SIGTSTP: Final = 20
SIGTTIN: Final = 21
SIGTTOU: Final = 22
SIGURG: Final = 23
SIGXCPU: Final = 24
SIGXFSZ: Final = 25
SIGVTALRM: Final = 26
SIGPROF: Final = 27
SIGWINCH: Final = 28
SIGIO: Final = 29
SIGPWR: Final = 30
SIGSYS: Final = 31
SIGRTMIN: Final = 32
SIGRTMAX: Final = 64
NSIG: Final = 64

SIG_DFL: Final = 0
SIG_IGN: Final = 1

SIG_BLOCK: Final = 0
SIG_UNBLOCK: Final = 1
SIG_SETMASK: Final = 2

SA_NOCLDSTOP: Final = 0x00000001
SA_NOCLDWAIT: Final = 0x00000002
SA_SIGINFO: Final = 0x00000004
SA_UNSUPPORTED: Final = 0x00000400
SA_EXPOSE_TAGBITS: Final = 0x00000800
SA_RESTORER: Final = 0x04000000
SA_ONSTACK: Final = 0x08000000
SA_RESTART: Final = 0x10000000
SA_NODEFER: Final = 0x40000000
SA_RESETHAND: Final = 0x80000000
# include/linux/signal_types.h: UAPI_SA_FLAGS plus the architecture's: what sigaction(2) keeps.
SA_ALL: Final = (
    SA_NOCLDSTOP
    | SA_NOCLDWAIT
    | SA_SIGINFO
    | SA_EXPOSE_TAGBITS
    | SA_RESTORER
    | SA_ONSTACK
    | SA_RESTART
    | SA_NODEFER
    | SA_RESETHAND
)

SS_ONSTACK: Final = 1
SS_DISABLE: Final = 2
SS_AUTODISARM: Final = 1 << 31
MINSIGSTKSZ: Final = 2048

# si_code
SI_USER: Final = 0
SI_KERNEL: Final = 0x80
SI_QUEUE: Final = -1
SI_TIMER: Final = -2
SI_MESGQ: Final = -3
SI_ASYNCIO: Final = -4
SI_SIGIO: Final = -5
SI_TKILL: Final = -6
SEGV_MAPERR: Final = 1
SEGV_ACCERR: Final = 2
CLD_EXITED: Final = 1
CLD_KILLED: Final = 2
CLD_DUMPED: Final = 3
CLD_TRAPPED: Final = 4
TRAP_BRKPT: Final = 1
TRAP_TRACE: Final = 2
TRAP_HWBKPT: Final = 4
CLD_STOPPED: Final = 5
CLD_CONTINUED: Final = 6

# sigevent.sigev_notify
SIGEV_SIGNAL: Final = 0
SIGEV_NONE: Final = 1
SIGEV_THREAD: Final = 2
SIGEV_THREAD_ID: Final = 4

SIGSET_SIZE: Final = 8
SIGINFO_SIZE: Final = 128
ALL_SIGNALS: Final = (1 << 64) - 1


def sigmask(*signals: int) -> int:
    """The sigset with these signals."""
    mask = 0
    for signo in signals:
        mask |= 1 << (signo - 1)
    return mask


UNBLOCKABLE: Final = sigmask(SIGKILL, SIGSTOP)
STOP_SIGNALS: Final = sigmask(SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU)
IGNORED_BY_DEFAULT: Final = sigmask(SIGCONT, SIGCHLD, SIGWINCH, SIGURG)
CORE_SIGNALS: Final = sigmask(SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGSEGV, SIGBUS, SIGSYS, SIGXCPU, SIGXFSZ)
SYNCHRONOUS: Final = sigmask(SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS)

SIGACTION: Final = struct.Struct("<QQQQ")  # handler, flags, restorer, mask (the kernel's order)
STACK_T: Final = struct.Struct("<QI4xQ")  # ss_sp, ss_flags, ss_size
SIGINFO_HEAD: Final = struct.Struct("<iii4x")  # si_signo, si_errno, si_code
SIGEVENT: Final = struct.Struct("<Qiii")  # value, signo, notify, tid

SIGNAL_NAMES: Final[tuple[str, ...]] = (
    "0",
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
)


def signal_name(signo: int) -> str:
    """`SIGINT`, `SIGRT_3`; the number itself when it is no signal."""
    if 0 <= signo < len(SIGNAL_NAMES):
        return SIGNAL_NAMES[signo]
    if SIGRTMIN <= signo <= SIGRTMAX:
        return f"SIGRT_{signo - SIGRTMIN}" if signo > SIGRTMIN else "SIGRTMIN"
    return str(signo)
