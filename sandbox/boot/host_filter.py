"""The sentry's own seccomp filter: host calls that a sentry never makes once it serves guests.

Should a guest ever get the sentry to run code of its choosing, that code cannot start programs or processes,
change namespaces, mounts or the host's kernel, trace other processes, or reach files by handle. Guest
processes are not under this filter: they descend from the first one, which was made before, and have their own.

Allowed calls cost nothing: the decision depends on the number alone, which the host kernel caches (Linux 5.11).
"""

from __future__ import annotations

import ctypes
import errno
import struct
from typing import Collection, Final

from sandbox.boot import libc

AUDIT_ARCH_X86_64: Final = 0xC000003E
X32_BIT: Final = 0x40000000
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_KILL: Final = 0x80000000
_OFFSET_NR: Final = 0
_OFFSET_ARCH: Final = 4
PR_SET_SECCOMP: Final = 22
SECCOMP_MODE_FILTER: Final = 2
_INSTRUCTION: Final = struct.Struct("=HBBI")

# arch/x86/entry/syscalls/syscall_64.tbl
DENIED: Final[dict[str, int]] = {
    "fork": 57,
    "vfork": 58,
    "clone": 56,
    "clone3": 435,
    "execve": 59,
    "execveat": 322,
    "ptrace": 101,
    "process_madvise": 440,
    "unshare": 272,
    "mount": 165,
    "umount2": 166,
    "pivot_root": 155,
    "chroot": 161,
    "move_mount": 429,
    "open_tree": 428,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "mount_setattr": 442,
    "swapon": 167,
    "swapoff": 168,
    "reboot": 169,
    "sethostname": 170,
    "setdomainname": 171,
    "iopl": 172,
    "ioperm": 173,
    "init_module": 175,
    "finit_module": 313,
    "delete_module": 176,
    "kexec_load": 246,
    "kexec_file_load": 320,
    "quotactl": 179,
    "acct": 163,
    "settimeofday": 164,
    "clock_settime": 227,
    "adjtimex": 159,
    "clock_adjtime": 305,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "bpf": 321,
    "perf_event_open": 298,
    "userfaultfd": 323,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "setuid": 105,
    "setgid": 106,
    "setreuid": 113,
    "setregid": 114,
    "setgroups": 116,
    "setresuid": 117,
    "setresgid": 119,
    "personality": 135,
    "syslog": 103,
    "modify_ldt": 154,
    "uselib": 134,
    "vhangup": 153,
    "nfsservctl": 180,
    "lookup_dcookie": 212,
    "kcmp": 312,
    "fanotify_init": 300,
}


def program(denied: tuple[int, ...]) -> bytes:
    """The filter as struct sock_filter[]: EPERM for `denied`, death for another architecture's calls."""
    out = [
        (_LOAD, 0, 0, _OFFSET_ARCH),
        (_EQUAL, 1, 0, AUDIT_ARCH_X86_64),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _OFFSET_NR),
        (_AT_LEAST, 0, 1, X32_BIT),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]
    for number in denied:
        out += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | errno.EPERM)]
    out.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in out)


def install(needed: Collection[str] = ()) -> None:
    """For this process, for good; `needed`: calls that it is to be left after all. Needs no_new_privs."""
    code = program(tuple(sorted(number for name, number in DENIED.items() if name not in needed)))
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(
        struct.pack("=H6xQ", len(code) // _INSTRUCTION.size, ctypes.addressof(buffer)), 16
    )
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(header))
