"""Names of numbers, as strace(1) writes them: sets of bits and choices, made from the constants of sandbox/abi."""

from __future__ import annotations

from types import ModuleType
from typing import Final, Sequence

from sandbox.abi.linux import (
    fcntl,
    futex,
    ioctls,
    ipc,
    keyctl,
    mman,
    poll,
    prctl,
    ptrace,
    sched,
    seccomp,
    signal,
    socket,
    stat,
    statfs,
    time,
    wait,
    xattr,
)


class Flags:
    """A set of bits: names joined by `|`, what is left over in hexadecimal; `zero` for none."""

    __slots__ = ("names", "zero")

    def __init__(self, names: Sequence[tuple[int, str]], zero: str = "0") -> None:
        self.names = names
        self.zero = zero

    def text(self, value: int) -> str:
        """The set `value`."""
        found: list[str] = []
        left = value
        for bits, name in self.names:
            if left & bits == bits:
                found.append(name)
                left &= ~bits
        if left:
            found.append(hex(left))
        return "|".join(found) or self.zero


class Choice:
    """One of several numbers; another one in hexadecimal, with what it should have been."""

    __slots__ = ("names", "what")

    def __init__(self, names: Sequence[tuple[int, str]], what: str) -> None:
        self.names: dict[int, str] = {}
        for value, name in names:
            self.names.setdefault(value, name)
        self.what = what

    def text(self, value: int) -> str:
        """The number `value`."""
        return self.names.get(value) or f"{hex(value)} /* {self.what}_??? */"


def named(module: ModuleType, prefix: str, but: Sequence[str] = ()) -> list[tuple[int, str]]:
    """(number, name) of the constants that begin so, in their order, sets of several bits before single ones."""
    found = [
        (value, name)
        for name, value in vars(module).items()
        if name.startswith(prefix) and name not in but and isinstance(value, int)
    ]
    found.sort(key=lambda one: -one[0].bit_count() if one[0].bit_count() > 1 else 0)
    return [(value, name) for value, name in found if value]


def choices(module: ModuleType, prefix: str, but: Sequence[str] = ()) -> list[tuple[int, str]]:
    """As `named`, with the number 0, and in their order."""
    return [
        (value, name)
        for name, value in vars(module).items()
        if name.startswith(prefix) and name not in but and isinstance(value, int)
    ]


def listed(words: str, first: int = 0) -> list[tuple[int, str]]:
    """Names that count up."""
    return [(first + n, name) for n, name in enumerate(words.split())]


def bits(words: str) -> list[tuple[int, str]]:
    """Names of bits from the lowest on."""
    return [(1 << n, name) for n, name in enumerate(words.split())]


_ACCESS: Final = {0: "O_RDONLY", 1: "O_WRONLY", 2: "O_RDWR", 3: "O_ACCMODE"}
_OPEN: Final = Flags(named(fcntl, "O_", ("O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE")), "")


def open_flags(value: int) -> str:
    """Flags of open(2)."""
    rest = _OPEN.text(value & ~3)
    return _ACCESS[value & 3] + ("|" + rest if rest else "")


def prefixed(value: int, choice: Choice, mask: int, flags: Flags) -> str:
    """A choice in the bits of `mask`, and flags."""
    rest = flags.text(value & ~mask)
    return choice.text(value & mask) + ("" if rest == flags.zero else "|" + rest)


def mode(value: int) -> str:
    """Permissions in octal."""
    return f"0{value & 0xFFFFFFFF:o}".zfill(3) if value else "000"


def file_mode(value: int) -> str:
    """st_mode: the kind by name, the rest in octal."""
    kind = FILE_KINDS.get(value & stat.S_IFMT)
    special = [name for bit, name in SPECIAL if value & bit]
    return "|".join([*([kind] if kind else []), *special, f"0{value & (0o777 if kind else 0o170777):03o}"])


SPECIAL: Final = ((stat.S_ISUID, "S_ISUID"), (stat.S_ISGID, "S_ISGID"), (stat.S_ISVTX, "S_ISVTX"))
FILE_KINDS: Final = {
    value: name
    for name, value in vars(stat).items()
    if name.startswith("S_IF") and name != "S_IFMT" and isinstance(value, int)
}
ADDRESS_FAMILIES: Final = Choice(
    [*choices(socket, "AF_", ("AF_MAX",)), (38, "AF_ALG"), (40, "AF_VSOCK"), (31, "AF_BLUETOOTH"), (44, "AF_XDP")], "AF"
)
ACCESS_MODES: Final = Flags(((4, "R_OK"), (2, "W_OK"), (1, "X_OK")), "F_OK")
ADVICE: Final = Choice(choices(mman, "MADV_"), "MADV")
AT: Final = Flags(
    [(0x100, "AT_SYMLINK_NOFOLLOW"), (0x200, "AT_REMOVEDIR"), (0x400, "AT_SYMLINK_FOLLOW"), (0x800, "AT_NO_AUTOMOUNT"),
     (0x1000, "AT_EMPTY_PATH"), (0x2000, "AT_STATX_FORCE_SYNC"), (0x4000, "AT_STATX_DONT_SYNC"), (0x8000, "AT_RECURSIVE")]
)  # fmt: skip
AT_ACCESS: Final = Flags([(0x100, "AT_SYMLINK_NOFOLLOW"), (0x200, "AT_EACCESS"), (0x1000, "AT_EMPTY_PATH")])
CLOCKS: Final = Choice(choices(time, "CLOCK_"), "CLOCK")
CLONE: Final = Flags(
    named(sched, "CLONE_", ("CLONE_NAMESPACES", "CLONE_ARGS_SIZE_VER0", "CLONE_ARGS_SIZE_VER1", "CLONE_ARGS_SIZE_VER2"))
)
CLOSE_RANGE: Final = Flags(((2, "CLOSE_RANGE_UNSHARE"), (4, "CLOSE_RANGE_CLOEXEC")))
EFD: Final = Flags(((1, "EFD_SEMAPHORE"), (0x800, "EFD_NONBLOCK"), (0x80000, "EFD_CLOEXEC")))
EPOLL_CREATE: Final = Flags(((0x80000, "EPOLL_CLOEXEC"),))
EPOLL_OPS: Final = Choice(choices(poll, "EPOLL_CTL_"), "EPOLL_CTL")
EPOLL_EVENTS: Final = Flags(
    [(bit, "E" + name) for bit, name in named(poll, "POLL") if name != "POLLNVAL"]
    + [(1 << 28, "EPOLLEXCLUSIVE"), (1 << 29, "EPOLLWAKEUP"), (1 << 30, "EPOLLONESHOT"), (1 << 31, "EPOLLET")]
)
FADVICE: Final = Choice(
    listed(
        "POSIX_FADV_NORMAL POSIX_FADV_RANDOM POSIX_FADV_SEQUENTIAL POSIX_FADV_WILLNEED POSIX_FADV_DONTNEED POSIX_FADV_NOREUSE"
    ),
    "POSIX_FADV",
)
FALLOCATE: Final = Flags(
    bits("FALLOC_FL_KEEP_SIZE FALLOC_FL_PUNCH_HOLE FALLOC_FL_NO_HIDE_STALE FALLOC_FL_COLLAPSE_RANGE FALLOC_FL_ZERO_RANGE "
         "FALLOC_FL_INSERT_RANGE FALLOC_FL_UNSHARE_RANGE")
)  # fmt: skip
FCNTL: Final = Choice(
    [
        one
        for one in choices(fcntl, "F_")
        if not one[1].startswith(("F_OWNER_", "F_SEAL_"))
        and not one[1].endswith("LCK")
        or one[1] in ("F_GETLK", "F_SETLK")
    ],
    "F",
)
FD_FLAGS: Final = Flags(((1, "FD_CLOEXEC"),))
FLOCK: Final = Flags(((1, "LOCK_SH"), (2, "LOCK_EX"), (8, "LOCK_UN"), (4, "LOCK_NB")))
FUTEX_OPS: Final = Choice(
    [(getattr(futex, name), name) for name in vars(futex) if name.startswith("FUTEX_")
     and not name.startswith(("FUTEX_OP_", "FUTEX_PRIVATE", "FUTEX_CLOCK", "FUTEX_BITSET", "FUTEX_WAITERS", "FUTEX_OWNER", "FUTEX_TID"))],
    "FUTEX",
)  # fmt: skip
GRND: Final = Flags(bits("GRND_NONBLOCK GRND_RANDOM GRND_INSECURE"))
INOTIFY_INIT: Final = Flags(((0x800, "IN_NONBLOCK"), (0x80000, "IN_CLOEXEC")))
INOTIFY: Final = Flags(
    [(0xFFF, "IN_ALL_EVENTS")]
    + bits("IN_ACCESS IN_MODIFY IN_ATTRIB IN_CLOSE_WRITE IN_CLOSE_NOWRITE IN_OPEN IN_MOVED_FROM IN_MOVED_TO IN_CREATE IN_DELETE "
           "IN_DELETE_SELF IN_MOVE_SELF")
    + [(1 << 13, "IN_UNMOUNT"), (1 << 14, "IN_Q_OVERFLOW"), (1 << 15, "IN_IGNORED"), (1 << 24, "IN_ONLYDIR"), (1 << 25, "IN_DONT_FOLLOW"),
       (1 << 26, "IN_EXCL_UNLINK"), (1 << 28, "IN_MASK_CREATE"), (1 << 29, "IN_MASK_ADD"), (1 << 30, "IN_ISDIR"), (1 << 31, "IN_ONESHOT")]
)  # fmt: skip
IOCTLS: Final = Choice(
    [(value, name) for name, value in vars(ioctls).items() if name.isupper() and isinstance(value, int)]
    + [(0x5421, "FIONBIO"), (0x8905, "SIOCATMARK"), (0x8910, "SIOCGIFNAME"), (0x8912, "SIOCGIFCONF"), (0x8913, "SIOCGIFFLAGS"),
       (0x8914, "SIOCSIFFLAGS"), (0x8915, "SIOCGIFADDR"), (0x8916, "SIOCSIFADDR"), (0x891B, "SIOCGIFNETMASK"), (0x8921, "SIOCGIFMTU"),
       (0x8922, "SIOCSIFMTU"), (0x8927, "SIOCGIFHWADDR"), (0x8933, "SIOCGIFINDEX"), (0x8946, "SIOCETHTOOL"), (0x894C, "SIOCGSKNS"),
       (0x400454CA, "TUNSETIFF"), (0x800454D2, "TUNGETIFF"), (0x8906, "SIOCGSTAMP_OLD")],
    "",
)  # fmt: skip
IPC_COMMANDS: Final = Choice(
    [
        *choices(ipc, "IPC_", ("IPC_PRIVATE", "IPC_CREAT", "IPC_EXCL", "IPC_NOWAIT", "IPC_SEQ_MAX")),
        (11, "SHM_LOCK"),
        (12, "SHM_UNLOCK"),
    ],
    "IPC",
)
SEM_COMMANDS: Final = Choice(
    [*choices(ipc, "GET"), *choices(ipc, "SET"), (18, "SEM_STAT"), (19, "SEM_INFO"), (20, "SEM_STAT_ANY"), *choices(ipc, "IPC_", ("IPC_PRIVATE", "IPC_CREAT", "IPC_EXCL", "IPC_NOWAIT", "IPC_SEQ_MAX"))], "SEM"
)  # fmt: skip
IPC_CREATE: Final = Flags(
    ((0o1000, "IPC_CREAT"), (0o2000, "IPC_EXCL"), (0o4000, "SHM_HUGETLB"), (0o10000, "SHM_NORESERVE")), ""
)
ITIMERS: Final = Choice(choices(time, "ITIMER_"), "ITIMER")
KEYCTL: Final = Choice(choices(keyctl, "KEYCTL_", ("KEYCTL_MOVE_EXCL",)), "KEYCTL")
KEYRINGS: Final = Choice([(value & 0xFFFFFFFF, name) for value, name in choices(keyctl, "KEY_SPEC_")], "KEY_SPEC")
LOCK_TYPES: Final = Choice(listed("F_RDLCK F_WRLCK F_UNLCK"), "F")
MAP_TYPES: Final = Choice(
    ((1, "MAP_SHARED"), (2, "MAP_PRIVATE"), (3, "MAP_SHARED_VALIDATE"), (8, "MAP_DROPPABLE")), "MAP"
)
MAP: Final = Flags(
    named(
        mman,
        "MAP_",
        (
            "MAP_SHARED",
            "MAP_PRIVATE",
            "MAP_SHARED_VALIDATE",
            "MAP_DROPPABLE",
            "MAP_TYPE",
            "MAP_HUGE_SHIFT",
            "MAP_HUGE_MASK",
        ),
    ),
    "",
)
IOPRIO_WHO: Final = Choice(listed("IOPRIO_WHO_PROCESS IOPRIO_WHO_PGRP IOPRIO_WHO_USER", 1), "IOPRIO_WHO")
IOPRIO_CLASSES: Final = Choice(
    listed("IOPRIO_CLASS_NONE IOPRIO_CLASS_RT IOPRIO_CLASS_BE IOPRIO_CLASS_IDLE"), "IOPRIO_CLASS"
)
KCMP: Final = Choice(
    listed("KCMP_FILE KCMP_VM KCMP_FILES KCMP_FS KCMP_SIGHAND KCMP_IO KCMP_SYSVSEM KCMP_EPOLL_TFD"), "KCMP"
)
MEMPOLICIES: Final = Choice(
    listed("MPOL_DEFAULT MPOL_PREFERRED MPOL_BIND MPOL_INTERLEAVE MPOL_LOCAL MPOL_PREFERRED_MANY"), "MPOL"
)
MSG_RECEIVE: Final = Flags(
    ((0o10000, "MSG_NOERROR"), (0o20000, "MSG_EXCEPT"), (0o40000, "MSG_COPY"), (0o4000, "IPC_NOWAIT"))
)
SEM_FLAGS: Final = Flags(((0o10000, "SEM_UNDO"), (0o4000, "IPC_NOWAIT")))
FSOPEN: Final = Flags(((1, "FSOPEN_CLOEXEC"),))
FSMOUNT: Final = Flags(((1, "FSMOUNT_CLOEXEC"),))
FSPICK: Final = Flags(bits("FSPICK_CLOEXEC FSPICK_SYMLINK_NOFOLLOW FSPICK_NO_AUTOMOUNT FSPICK_EMPTY_PATH"))
FSCONFIG: Final = Choice(
    listed("FSCONFIG_SET_FLAG FSCONFIG_SET_STRING FSCONFIG_SET_BINARY FSCONFIG_SET_PATH FSCONFIG_SET_PATH_EMPTY FSCONFIG_SET_FD "
           "FSCONFIG_CMD_CREATE FSCONFIG_CMD_RECONFIGURE FSCONFIG_CMD_CREATE_EXCL"), "FSCONFIG"
)  # fmt: skip
OPEN_TREE: Final = Flags(
    [(1, "OPEN_TREE_CLONE"), (0x80000, "OPEN_TREE_CLOEXEC"), (0x8000, "AT_RECURSIVE"), (0x100, "AT_SYMLINK_NOFOLLOW"), (0x800, "AT_NO_AUTOMOUNT"),
     (0x1000, "AT_EMPTY_PATH")]
)  # fmt: skip
MOVE_MOUNT: Final = Flags(
    ((1, "MOVE_MOUNT_F_SYMLINKS"), (2, "MOVE_MOUNT_F_AUTOMOUNTS"), (4, "MOVE_MOUNT_F_EMPTY_PATH"), (0x10, "MOVE_MOUNT_T_SYMLINKS"),
     (0x20, "MOVE_MOUNT_T_AUTOMOUNTS"), (0x40, "MOVE_MOUNT_T_EMPTY_PATH"), (0x100, "MOVE_MOUNT_SET_GROUP"), (0x200, "MOVE_MOUNT_BENEATH"))
)  # fmt: skip
LANDLOCK_CREATE: Final = Flags(bits("LANDLOCK_CREATE_RULESET_VERSION LANDLOCK_CREATE_RULESET_ERRATA"))
LANDLOCK_RULES: Final = Choice(((1, "LANDLOCK_RULE_PATH_BENEATH"), (2, "LANDLOCK_RULE_NET_PORT")), "LANDLOCK_RULE")
PIDFD: Final = Flags(((0x80, "PIDFD_THREAD"), (0x800, "PIDFD_NONBLOCK")))
URING_ENTER: Final = Flags(
    bits(
        "IORING_ENTER_GETEVENTS IORING_ENTER_SQ_WAKEUP IORING_ENTER_SQ_WAIT IORING_ENTER_EXT_ARG IORING_ENTER_REGISTERED_RING"
    )
)
URING_REGISTER: Final = Choice(
    listed("IORING_REGISTER_BUFFERS IORING_UNREGISTER_BUFFERS IORING_REGISTER_FILES IORING_UNREGISTER_FILES IORING_REGISTER_EVENTFD "
           "IORING_UNREGISTER_EVENTFD IORING_REGISTER_FILES_UPDATE IORING_REGISTER_EVENTFD_ASYNC IORING_REGISTER_PROBE "
           "IORING_REGISTER_PERSONALITY IORING_UNREGISTER_PERSONALITY IORING_REGISTER_RESTRICTIONS IORING_REGISTER_ENABLE_RINGS "
           "IORING_REGISTER_FILES2 IORING_REGISTER_FILES_UPDATE2 IORING_REGISTER_BUFFERS2 IORING_REGISTER_BUFFERS_UPDATE "
           "IORING_REGISTER_IOWQ_AFF IORING_UNREGISTER_IOWQ_AFF IORING_REGISTER_IOWQ_MAX_WORKERS IORING_REGISTER_RING_FDS "
           "IORING_UNREGISTER_RING_FDS IORING_REGISTER_PBUF_RING IORING_UNREGISTER_PBUF_RING IORING_REGISTER_SYNC_CANCEL "
           "IORING_REGISTER_FILE_ALLOC_RANGE"), "IORING_REGISTER"
)  # fmt: skip
MCL: Final = Flags(named(mman, "MCL_"))
MEMBARRIER: Final = Choice(
    [(0, "MEMBARRIER_CMD_QUERY")]
    + bits("MEMBARRIER_CMD_GLOBAL MEMBARRIER_CMD_GLOBAL_EXPEDITED MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED MEMBARRIER_CMD_PRIVATE_EXPEDITED "
           "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE "
           "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ "
           "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ"),
    "MEMBARRIER_CMD",
)  # fmt: skip
MEMFD: Final = Flags(bits("MFD_CLOEXEC MFD_ALLOW_SEALING MFD_HUGETLB MFD_NOEXEC_SEAL MFD_EXEC"))
MLOCK: Final = Flags(((1, "MLOCK_ONFAULT"),))
MOUNT: Final = Flags(named(statfs, "MS_", ("MS_MGC_MSK", "MS_NOUSER")))
MREMAP: Final = Flags(named(mman, "MREMAP_"))
MSG: Final = Flags(named(socket, "MSG_", ("MSG_INTERNAL_SENDMSG_FLAGS",)))
MSYNC: Final = Flags(named(mman, "MS_"))
PER: Final = Choice(((0, "PER_LINUX"), (8, "PER_LINUX32")), "PER")
PERSONALITY: Final = Flags(
    ((0x20000, "UNAME26"), (0x40000, "ADDR_NO_RANDOMIZE"), (0x80000, "FDPIC_FUNCPTRS"), (0x100000, "MMAP_PAGE_ZERO"), (0x200000, "ADDR_COMPAT_LAYOUT"),
     (0x400000, "READ_IMPLIES_EXEC"), (0x800000, "ADDR_LIMIT_32BIT"), (0x1000000, "SHORT_INODE"), (0x2000000, "WHOLE_SECONDS"),
     (0x4000000, "STICKY_TIMEOUTS"), (0x8000000, "ADDR_LIMIT_3GB"))
)  # fmt: skip
PIPE: Final = Flags(((0x800, "O_NONBLOCK"), (0x4000, "O_DIRECT"), (0x80, "O_EXCL"), (0x80000, "O_CLOEXEC")))
POLL: Final = Flags(named(poll, "POLL"))
PRCTL: Final = Choice(
    [*choices(prctl, "PR_", ("PR_CAP_AMBIENT_IS_SET", "PR_CAP_AMBIENT_RAISE", "PR_CAP_AMBIENT_LOWER", "PR_CAP_AMBIENT_CLEAR_ALL", "PR_TSC_ENABLE",
                             "PR_MDWE_REFUSE_EXEC_GAIN", "PR_MDWE_NO_INHERIT")), (0x53564D41, "PR_SET_VMA"), (0x59616D61, "PR_SET_PTRACER")],
    "PR",
)  # fmt: skip
ARCH_PRCTL: Final = Choice(choices(prctl, "ARCH_"), "ARCH")
PRIO: Final = Choice(listed("PRIO_PROCESS PRIO_PGRP PRIO_USER"), "PRIO")
PROT: Final = Flags(named(mman, "PROT_"), "PROT_NONE")
PTRACE: Final = Choice(
    [
        one
        for one in choices(ptrace, "PTRACE_")
        if not one[1].startswith(("PTRACE_EVENT", "PTRACE_O_", "PTRACE_SYSCALL_INFO", "PTRACE_PEEKSIGINFO_"))
    ],
    "PTRACE",
)
REBOOT: Final = Choice(
    ((0, "LINUX_REBOOT_CMD_CAD_OFF"), (0x1234567, "LINUX_REBOOT_CMD_RESTART"), (0x4321FEDC, "LINUX_REBOOT_CMD_POWER_OFF"),
     (0x89ABCDEF, "LINUX_REBOOT_CMD_CAD_ON"), (0xCDEF0123, "LINUX_REBOOT_CMD_HALT")), "LINUX_REBOOT_CMD"
)  # fmt: skip
RENAME: Final = Flags(bits("RENAME_NOREPLACE RENAME_EXCHANGE RENAME_WHITEOUT"))
RESOLVE: Final = Flags(
    bits("RESOLVE_NO_XDEV RESOLVE_NO_MAGICLINKS RESOLVE_NO_SYMLINKS RESOLVE_BENEATH RESOLVE_IN_ROOT RESOLVE_CACHED")
)
RLIMITS: Final = Choice(
    listed("RLIMIT_CPU RLIMIT_FSIZE RLIMIT_DATA RLIMIT_STACK RLIMIT_CORE RLIMIT_RSS RLIMIT_NPROC RLIMIT_NOFILE RLIMIT_MEMLOCK RLIMIT_AS "
           "RLIMIT_LOCKS RLIMIT_SIGPENDING RLIMIT_MSGQUEUE RLIMIT_NICE RLIMIT_RTPRIO RLIMIT_RTTIME"),
    "RLIMIT",
)  # fmt: skip
RUSAGE: Final = Choice(((0, "RUSAGE_SELF"), (0xFFFFFFFF, "RUSAGE_CHILDREN"), (1, "RUSAGE_THREAD")), "RUSAGE")
RWF: Final = Flags(bits("RWF_HIPRI RWF_DSYNC RWF_SYNC RWF_NOWAIT RWF_APPEND RWF_NOAPPEND"))
SA: Final = Flags(named(signal, "SA_", ("SA_ALL", "SA_UNSUPPORTED")))
SCHED: Final = Choice(choices(sched, "SCHED_", ("SCHED_RESET_ON_FORK",)), "SCHED")
SCHED_FLAGS: Final = Flags(
    bits(
        "SCHED_FLAG_RESET_ON_FORK SCHED_FLAG_RECLAIM SCHED_FLAG_DL_OVERRUN SCHED_FLAG_KEEP_POLICY SCHED_FLAG_KEEP_PARAMS"
    )
)
SEALS: Final = Flags(named(fcntl, "F_SEAL_"))
SECCOMP: Final = Choice(
    listed("SECCOMP_SET_MODE_STRICT SECCOMP_SET_MODE_FILTER SECCOMP_GET_ACTION_AVAIL SECCOMP_GET_NOTIF_SIZES"),
    "SECCOMP",
)
SECCOMP_ACTIONS: Final = Choice(
    choices(seccomp, "SECCOMP_RET_", ("SECCOMP_RET_ACTION_FULL", "SECCOMP_RET_DATA")), "SECCOMP_RET"
)
SECCOMP_FLAGS: Final = Flags(named(seccomp, "SECCOMP_FILTER_FLAG_"))
SFD: Final = Flags(((0x800, "SFD_NONBLOCK"), (0x80000, "SFD_CLOEXEC")))
SHMAT: Final = Flags(((0o10000, "SHM_RDONLY"), (0o20000, "SHM_RND"), (0o40000, "SHM_REMAP"), (0o100000, "SHM_EXEC")))
SHUT: Final = Choice(choices(socket, "SHUT_"), "SHUT")
SIGMASK_HOW: Final = Choice(listed("SIG_BLOCK SIG_UNBLOCK SIG_SETMASK"), "SIG")
SIGNAL_CODES: Final = Choice([*choices(signal, "SI_"), (-60, "SI_ASYNCNL")], "SI")
SOCK: Final = Choice(choices(socket, "SOCK_", ("SOCK_TYPE_MASK", "SOCK_NONBLOCK", "SOCK_CLOEXEC")), "SOCK")
SOCK_FLAGS: Final = Flags(((0x80000, "SOCK_CLOEXEC"), (0x800, "SOCK_NONBLOCK")), "")
SOL: Final = Choice(choices(socket, "SOL_"), "SOL")
SOCKET_OPTIONS: Final = Choice(choices(socket, "SO_"), "SO")
PROTOCOLS: Final = Choice(
    ((0, "IPPROTO_IP"), (1, "IPPROTO_ICMP"), (2, "IPPROTO_IGMP"), (6, "IPPROTO_TCP"), (17, "IPPROTO_UDP"), (41, "IPPROTO_IPV6"),
     (58, "IPPROTO_ICMPV6"), (136, "IPPROTO_UDPLITE"), (132, "IPPROTO_SCTP"), (255, "IPPROTO_RAW"), (262, "IPPROTO_MPTCP")), "IPPROTO"
)  # fmt: skip
NETLINKS: Final = Choice(
    ((0, "NETLINK_ROUTE"), (2, "NETLINK_USERSOCK"), (4, "NETLINK_SOCK_DIAG"), (6, "NETLINK_XFRM"), (9, "NETLINK_AUDIT"), (12, "NETLINK_NETFILTER"),
     (15, "NETLINK_KOBJECT_UEVENT"), (16, "NETLINK_GENERIC")), "NETLINK"
)  # fmt: skip
TCP_OPTIONS: Final = Choice(
    listed("TCP_NODELAY TCP_MAXSEG TCP_CORK TCP_KEEPIDLE TCP_KEEPINTVL TCP_KEEPCNT TCP_SYNCNT TCP_LINGER2 TCP_DEFER_ACCEPT TCP_WINDOW_CLAMP "
           "TCP_INFO TCP_QUICKACK TCP_CONGESTION TCP_MD5SIG", 1)
    + [(18, "TCP_USER_TIMEOUT"), (19, "TCP_REPAIR"), (23, "TCP_FASTOPEN"), (25, "TCP_NOTSENT_LOWAT"), (30, "TCP_FASTOPEN_CONNECT"), (31, "TCP_ULP"), (36, "TCP_INQ")],
    "TCP",
)  # fmt: skip
IP_OPTIONS: Final = Choice(
    listed("IP_TOS IP_TTL IP_HDRINCL IP_OPTIONS IP_ROUTER_ALERT IP_RECVOPTS IP_RETOPTS IP_PKTINFO IP_PKTOPTIONS IP_MTU_DISCOVER IP_RECVERR "
           "IP_RECVTTL IP_RECVTOS IP_MTU IP_FREEBIND", 1)
    + [(19, "IP_TRANSPARENT"), (24, "IP_BIND_ADDRESS_NO_PORT"), (32, "IP_MULTICAST_IF"), (33, "IP_MULTICAST_TTL"), (34, "IP_MULTICAST_LOOP"),
       (35, "IP_ADD_MEMBERSHIP"), (36, "IP_DROP_MEMBERSHIP"), (50, "IP_UNICAST_IF")],
    "IP",
)  # fmt: skip
IPV6_OPTIONS: Final = Choice(
    ((16, "IPV6_UNICAST_HOPS"), (17, "IPV6_MULTICAST_IF"), (18, "IPV6_MULTICAST_HOPS"), (19, "IPV6_MULTICAST_LOOP"), (20, "IPV6_JOIN_GROUP"),
     (21, "IPV6_LEAVE_GROUP"), (23, "IPV6_MTU_DISCOVER"), (24, "IPV6_MTU"), (25, "IPV6_RECVERR"), (26, "IPV6_V6ONLY"), (49, "IPV6_RECVPKTINFO"),
     (50, "IPV6_PKTINFO"), (51, "IPV6_RECVHOPLIMIT"), (66, "IPV6_RECVTCLASS"), (67, "IPV6_TCLASS")), "IPV6"
)  # fmt: skip
SPLICE: Final = Flags(bits("SPLICE_F_MOVE SPLICE_F_NONBLOCK SPLICE_F_MORE SPLICE_F_GIFT"))
SS: Final = Choice(((0, "0"), (1, "SS_ONSTACK"), (2, "SS_DISABLE"), (0x80000000, "SS_AUTODISARM")), "SS")
ST: Final = Flags(named(statfs, "ST_"))
FS_MAGICS: Final = Choice(
    [(value, name) for name, value in vars(statfs).items() if name.endswith("_MAGIC") and isinstance(value, int)], "FS"
)
STATX: Final = Flags(
    [
        (0xFFF, "STATX_ALL"),
        *named(
            stat,
            "STATX_",
            (
                "STATX_RESERVED",
                "STATX_ATTR_IMMUTABLE",
                "STATX_ATTR_APPEND",
                "STATX_ATTR_NODUMP",
                "STATX_ATTR_MOUNT_ROOT",
            ),
        ),
    ]
)
TFD: Final = Flags(((0x800, "TFD_NONBLOCK"), (0x80000, "TFD_CLOEXEC")))
TFD_SET: Final = Flags(bits("TFD_TIMER_ABSTIME TFD_TIMER_CANCEL_ON_SET"))
TIMER: Final = Flags(((1, "TIMER_ABSTIME"),))
UMOUNT: Final = Flags(((1, "MNT_FORCE"), (2, "MNT_DETACH"), (4, "MNT_EXPIRE"), (8, "UMOUNT_NOFOLLOW")))
WAIT: Final = Flags(
    [(wait.WNOHANG, "WNOHANG"), (wait.WUNTRACED, "WSTOPPED"), (wait.WEXITED, "WEXITED"), (wait.WCONTINUED, "WCONTINUED"), (wait.WNOWAIT, "WNOWAIT"),
     (wait.WNOTHREAD, "__WNOTHREAD"), (wait.WALL, "__WALL"), (wait.WCLONE, "__WCLONE")]
)  # fmt: skip
WAIT_IDS: Final = Choice(choices(wait, "P_"), "P")
WHENCE: Final = Choice(listed("SEEK_SET SEEK_CUR SEEK_END SEEK_DATA SEEK_HOLE"), "SEEK")
XATTR: Final = Flags(((xattr.XATTR_CREATE, "XATTR_CREATE"), (xattr.XATTR_REPLACE, "XATTR_REPLACE")))
