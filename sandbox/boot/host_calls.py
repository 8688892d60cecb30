"""The host calls that a sentry makes once it is confined: each for a reason, nothing else is let through.

What is in here was seen in the tests, on both platforms, or is what the C library makes of a function that is called. Names
are those of arch/x86/entry/syscalls/syscall_64.tbl.
"""

from __future__ import annotations

import termios
from typing import Final

# Reason → calls, whatever their arguments.
ALLOWED: Final[dict[str, str]] = {
    "descriptors: read, write, close": """
        read write pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2 lseek close close_range dup dup2 dup3 pipe2""",
    "files of given directories, by descriptors; modules that are imported late": """
        open openat stat lstat fstat newfstatat statx readlink readlinkat getdents64 access faccessat faccessat2 fstatfs
        ftruncate fallocate fsync fdatasync syncfs sendfile getcwd""",
    "what is brought to disk while others go on": "io_setup io_submit io_getevents",
    "names and attributes in given directories, by descriptors": """
        mkdirat mknodat unlinkat renameat renameat2 linkat symlinkat fchmod fchmodat fchmodat2 fchown fchownat utimensat
        fgetxattr fsetxattr flistxattr fremovexattr""",
    "locks on files in given directories": "flock",
    "what others change in given directories": "fanotify_init fanotify_mark name_to_handle_at",
    "memory: of the sentry itself, and files in memory that guests share": """
        mmap munmap mprotect mremap madvise brk memfd_create""",
    "memory of guests": "process_vm_readv process_vm_writev",
    "guest processes: to be told of them, to wait for them, to end them": """
        pidfd_open pidfd_getfd pidfd_send_signal kill tgkill wait4 waitid""",
    "to wait, and to be woken": """
        poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd2 timerfd_create
        timerfd_settime setitimer futex sched_yield nanosleep clock_nanosleep restart_syscall""",
    "signals of its own": "rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack",
    "time, where the vDSO has none": "clock_gettime clock_getres gettimeofday time",
    "what the host and the sentry itself are": """
        getpid getppid gettid getuid geteuid getgid getegid getpgrp getsid uname getrusage sched_getaffinity getcpu getrandom""",
    "on which processors guests run, and how much they leave them to others": "sched_setaffinity setpriority",
    "sockets: of the control channel, of networks": """
        bind listen accept4 connect getsockname getpeername setsockopt getsockopt sendto recvfrom sendmsg recvmsg shutdown""",
    "its end": "exit exit_group",
}

Values = dict[str, tuple[int, ...]]  # reason → values

# Call → which argument (from 0), and what it may be. Most frequent calls, and values, first.
ARGUMENTS: Final[dict[str, tuple[int, Values]]] = {
    "ioctl": (
        1,
        {
            "calls of guests: SECCOMP_IOCTL_NOTIF_RECV, SEND, ID_VALID, ADDFD, SET_FLAGS": (
                0xC0502100,
                0xC0182101,
                0x40082102,
                0x40182103,
                0x40082104,
            ),
            "guests' memory: PROCMAP_QUERY": (0xC0686611,),
            "terminals: whether it is one, its size and its changes; not what types on them or sets them": (
                termios.TCGETS,
                termios.TIOCGWINSZ,
                termios.TIOCSCTTY,
            ),
            "how much there is to read; the mark of urgent data: SIOCATMARK": (termios.FIONREAD, 0x8905),
            "which interface of its network namespace has a name: SIOCGIFINDEX": (0x8933,),
            "descriptors that do not wait, or do not outlive execve": (termios.FIONBIO, termios.FIOCLEX),
        },
    ),
    "fcntl": (
        1,
        {
            "another number: F_DUPFD, F_DUPFD_CLOEXEC": (0, 1030),
            "flags: F_GETFD, F_SETFD, F_GETFL, F_SETFL": (1, 2, 3, 4),
            "files in memory: F_ADD_SEALS, F_GET_SEALS": (1033, 1034),
            "locks on files in given directories: F_OFD_GETLK, F_OFD_SETLK": (36, 37),
        },
    ),
    "socket": (0, {"networks, and what is published: AF_INET, AF_INET6": (2, 10)}),
    "prctl": (0, {"names of memory, which CPython gives from 3.15 on: PR_SET_VMA": (0x53564D41,)}),
    "prlimit64": (0, {"bounds of its own": (0,)}),
}
