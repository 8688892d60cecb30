"""seccomp(2) and classic BPF: include/uapi/linux/{seccomp,filter,bpf_common,audit}.h."""

from __future__ import annotations

import struct
from typing import Final

SECCOMP_MODE_DISABLED: Final = 0
SECCOMP_MODE_STRICT: Final = 1
SECCOMP_MODE_FILTER: Final = 2

SECCOMP_SET_MODE_STRICT: Final = 0
SECCOMP_SET_MODE_FILTER: Final = 1
SECCOMP_GET_ACTION_AVAIL: Final = 2
SECCOMP_GET_NOTIF_SIZES: Final = 3

SECCOMP_FILTER_FLAG_TSYNC: Final = 1
SECCOMP_FILTER_FLAG_LOG: Final = 2
SECCOMP_FILTER_FLAG_SPEC_ALLOW: Final = 4
SECCOMP_FILTER_FLAG_NEW_LISTENER: Final = 8
SECCOMP_FILTER_FLAG_TSYNC_ESRCH: Final = 16

SECCOMP_RET_KILL_PROCESS: Final = 0x80000000
SECCOMP_RET_KILL_THREAD: Final = 0x00000000
SECCOMP_RET_TRAP: Final = 0x00030000
SECCOMP_RET_ERRNO: Final = 0x00050000
SECCOMP_RET_USER_NOTIF: Final = 0x7FC00000
SECCOMP_RET_TRACE: Final = 0x7FF00000
SECCOMP_RET_LOG: Final = 0x7FFC0000
SECCOMP_RET_ALLOW: Final = 0x7FFF0000
SECCOMP_RET_ACTION_FULL: Final = 0xFFFF0000
SECCOMP_RET_DATA: Final = 0x0000FFFF

SYS_SECCOMP: Final = 1  # si_code of SIGSYS
SYS_USER_DISPATCH: Final = 2
AUDIT_ARCH_X86_64: Final = 0xC000003E
SECCOMP_DATA_SIZE: Final = 64  # nr, arch, instruction_pointer, args[6]
NOTIF_SIZES: Final = struct.pack("<HHH", 80, 24, 64)

SOCK_FPROG: Final = struct.Struct("<H6xQ")  # len, filter
SOCK_FILTER: Final = struct.Struct("<HBBI")  # code, jt, jf, k
