"""calls.h: what the executor of guest/ knows of each system call, from the rows of the table and the hints below.

A row's arguments have the kinds that strace prints; HINTS says more where "a number" or "a structure" is too little
for a call to get far. Kinds that are no lower-case word of KINDS are sets of values (SETS)."""

from __future__ import annotations

from typing import Final

from sandbox.syscalls.linux.table_amd64 import ROWS
from sandbox.syscalls.row import Support

KINDS: Final = (
    "none fd dirfd int uint long size hex oct addr path str in_buf out_buf in_iovec out_iovec struct_in struct_out "
    "sockaddr_in sockaddr_out signal pid timespec itimer itimerspec sigset pollfds msghdr mmsghdr epevent cloneargs "
    "openhow sigaction rlimit sigevent sembuf argv lenptr offset offptr word timer watch aio iocbs fdset fdpair "
    "file pipe sock epoll tfd sfd inot mq pidfd fsfd mntfd ring rules shm sem msg aioptr pollable schedattr len8 mapping caphead one zero count msec iovcount altstack sockname timespecs waitv program msgbuf handle uring"
).split()

MADE: Final = (
    "nothing fd file pipe sock epoll tfd sfd inot mq pidfd fsfd mntfd ring rules shm sem msg map watch pid".split()
)

# How often, of a hundred draws of a call by its number; whatever is not here: 20.
WEIGHTS: Final = {
    "open": 60, "openat": 60, "mmap": 50, "socketpair": 40, "pipe2": 40, "epoll_ctl": 40, "dup": 30,
    "ioctl": 60, "fcntl": 60, "setsockopt": 60, "getsockopt": 40, "prctl": 40, "sendmsg": 40, "recvmsg": 40,
    "close": 15, "timer_create": 50, "socket": 60, "munmap": 8, "mprotect": 8, "close_range": 1, "brk": 4, "mremap": 10,
    "fork": 3, "vfork": 2, "clone": 5, "clone3": 5, "execve": 2, "execveat": 2, "kill": 4, "tkill": 4, "tgkill": 4,
    "pause": 1, "rt_sigsuspend": 1, "reboot": 1, "chroot": 2, "pivot_root": 2, "setrlimit": 3, "prlimit64": 4,
    "seccomp": 2, "ptrace": 10, "sync": 2, "rt_sigqueueinfo": 5, "rt_tgsigqueueinfo": 5, "pidfd_send_signal": 8,
    "shmdt": 8, "mlockall": 3, "umount2": 6, "unshare": 8, "setns": 8, "landlock_restrict_self": 3, "vhangup": 2,
}  # fmt: skip

# What is left out, and why.
LEFT_OUT: Final = {
    "exit": "ends the sequence, which its quota does",
    "exit_group": "ends the sequence, which its quota does",
    "rt_sigreturn": "without a frame it is a jump to anywhere; the alarm's handler returns by it all the time",
}

HINTS: Final = """
open path OPEN mode
openat dirfd path OPEN mode
openat2 dirfd path openhow HOWSIZE
creat path mode
lseek file offset WHENCE
mmap addr mapping PROT MAP fd offset
mprotect addr mapping PROT
munmap addr mapping
mremap addr mapping mapping MREMAP addr
msync addr mapping MSYNC
mincore addr mapping out_buf
madvise addr mapping MADV
process_madvise pidfd in_iovec iovcount MADV zero
mlock addr mapping
munlock addr mapping
mlock2 addr mapping BIT
pkey_mprotect addr mapping PROT int
remap_file_pages addr mapping zero offset BIT
mbind addr mapping POLICY word MAXNODE BIT
set_mempolicy POLICY word MAXNODE
get_mempolicy struct_out struct_out MAXNODE addr BITS
set_mempolicy_home_node addr mapping zero zero
move_pages pid count in_buf zero struct_out BITS
sched_getattr pid struct_out ATTRSIZE zero
sched_setattr pid schedattr zero
poll pollfds count msec
ppoll pollfds count timespec sigset len8
select count fdset fdset fdset timespec
pselect6 count fdset fdset fdset timespec zero
rt_sigaction signal sigaction struct_out len8
rt_sigprocmask SIGHOW sigset struct_out len8
rt_sigpending struct_out len8
rt_sigtimedwait sigset struct_out timespec len8
rt_sigsuspend sigset len8
sigaltstack altstack altstack
signalfd NEWFD sigset len8
signalfd4 NEWFD sigset len8 FDFLAGS
ioctl fd IOCTL struct_in
fcntl fd FCNTL hex
pread64 file out_buf size offset
pwrite64 file in_buf size offset
readv fd out_iovec iovcount
writev fd in_iovec iovcount
preadv file out_iovec iovcount offset zero
pwritev file in_iovec iovcount offset zero
preadv2 file out_iovec iovcount offset zero RWF
pwritev2 file in_iovec iovcount offset zero RWF
vmsplice pipe in_iovec iovcount SPLICE
process_vm_readv pid out_iovec iovcount in_iovec iovcount zero
process_vm_writev pid in_iovec iovcount in_iovec iovcount zero
pipe fdpair
pipe2 fdpair PIPE
shmget KEY mapping SHM
shmat shm addr SHMAT
shmctl shm IPCCTL struct_in
semget KEY count SHM
semop sem sembuf count
semtimedop sem sembuf count timespec
semctl sem count SEMCTL struct_in
msgget KEY SHM
msgsnd msg msgbuf size MSGFLAGS
msgrcv msg out_buf size int MSGFLAGS
msgctl msg IPCCTL struct_in
dup2 fd fd
dup3 fd fd OPEN
nanosleep timespec struct_out
clock_nanosleep CLOCK BIT timespec struct_out
clock_gettime CLOCK struct_out
clock_getres CLOCK struct_out
getitimer ITIMER struct_out
setitimer ITIMER itimer struct_out
alarm count
sendfile fd fd offptr size
socket FAMILY SOCKET PROTOCOL
socketpair FAMILY SOCKET PROTOCOL fdpair
connect sock sockaddr_in sockname
bind sock sockaddr_in sockname
accept sock sockaddr_out lenptr
accept4 sock sockaddr_out lenptr SOCKFLAGS
getsockname sock sockaddr_out lenptr
getpeername sock sockaddr_out lenptr
sendto sock in_buf size MSG sockaddr_in sockname
recvfrom sock out_buf size MSG sockaddr_out lenptr
sendmsg sock msghdr MSG
recvmsg sock msghdr MSG
sendmmsg sock mmsghdr count MSG
recvmmsg sock mmsghdr count MSG timespec
shutdown sock WHENCE
listen sock count
setsockopt sock LEVEL OPTION in_buf count
getsockopt sock LEVEL OPTION out_buf lenptr
clone CLONE addr out_buf out_buf addr
clone3 cloneargs CLONESIZE
unshare CLONE
setns pidfd CLONE
execve path argv argv
execveat dirfd path argv argv AT
wait4 pid struct_out WAIT struct_out
timerfd_gettime tfd struct_out
mq_getsetattr mq struct_in struct_out
fsync file
fdatasync file
syncfs file
io_setup count aioptr
fchdir file
flistxattr file out_buf size
waitid IDTYPE pid struct_out WAITID struct_out
kill pid signal
flock file LOCK
truncate path offset
ftruncate file offset
fallocate file FALLOCATE offset offset
getdents file out_buf size
getdents64 file out_buf size
access path mode
faccessat dirfd path mode
faccessat2 dirfd path mode AT
newfstatat dirfd path struct_out AT
statx dirfd path AT STATX struct_out
fchmodat2 dirfd path mode AT
chmod path mode
fchmod file mode
fchmodat dirfd path mode
chown path uid uid
lchown path uid uid
fchown file uid uid
fchownat dirfd path uid uid AT
linkat dirfd path dirfd path AT
unlinkat dirfd path AT
renameat2 dirfd path dirfd path RENAME
mkdir path mode
mkdirat dirfd path mode
mknod path MKNOD int
mknodat dirfd path MKNOD int
symlinkat path dirfd path
utime path timespecs
utimes path timespecs
futimesat dirfd path timespecs
utimensat dirfd path timespecs AT
setuid uid
setgid uid
setreuid uid uid
setregid uid uid
setresuid uid uid uid
setresgid uid uid uid
setfsuid uid
setfsgid uid
getrlimit RLIMIT struct_out
setrlimit RLIMIT rlimit
prlimit64 pid RLIMIT rlimit struct_out
getrusage WHO struct_out
getpriority WHO pid
setpriority WHO pid int
ptrace PTRACE pid addr addr
capget caphead struct_out
capset caphead struct_in
sched_setaffinity pid len8 struct_in
sched_getaffinity pid CPUS struct_out
prctl PRCTL int int int int
arch_prctl ARCH addr
mount path path FSTYPE MOUNT str
umount2 path UMOUNT
setxattr path XATTR in_buf size BIT
lsetxattr path XATTR in_buf size BIT
fsetxattr file XATTR in_buf size BIT
getxattr path XATTR out_buf size
lgetxattr path XATTR out_buf size
fgetxattr file XATTR out_buf size
removexattr path XATTR
lremovexattr path XATTR
fremovexattr file XATTR
futex word FUTEX int timespec word int
futex_waitv waitv count zero timespec CLOCK
futex_wake word one count FUTEX2
futex_wait word int one FUTEX2 timespec CLOCK
futex_requeue waitv zero int int
set_robust_list addr LISTSIZE
io_destroy aio
io_submit aio count iocbs
io_getevents aio count count out_buf timespec
io_pgetevents aio count count out_buf timespec zero
io_cancel aio iocbs out_buf
epoll_create count
epoll_create1 OPEN
epoll_wait epoll out_buf count msec
epoll_pwait epoll out_buf count msec sigset len8
epoll_pwait2 epoll out_buf count timespec sigset len8
epoll_ctl epoll EPOLLCTL pollable epevent
timer_create CLOCK sigevent struct_out
timer_settime timer BIT itimerspec struct_out
timer_gettime timer struct_out
timer_getoverrun timer
timer_delete timer
timerfd_create CLOCK FDFLAGS
timerfd_settime tfd BITS itimerspec struct_out
mq_open MQNAME OPEN mode zero
mq_unlink MQNAME
mq_timedsend mq in_buf size count timespec
mq_timedreceive mq out_buf size struct_out timespec
mq_notify mq sigevent
inotify_add_watch inot path INOTIFY
inotify_rm_watch inot watch
inotify_init1 FDFLAGS
splice pipe zero file offptr size SPLICE
tee pipe pipe size SPLICE
copy_file_range file offptr file offptr size zero
sync_file_range file offset offset BITS
fadvise64 file offset offset BITS
readahead file offset size
eventfd2 count FDFLAGS
name_to_handle_at dirfd path handle struct_out AT
open_by_handle_at dirfd handle OPEN
kcmp pid pid KCMP fd fd
seccomp BITS BITS program
memfd_create str MEMFD
membarrier MEMBARRIER BIT zero
io_uring_setup count uring
io_uring_enter ring count count BITS sigset len8
io_uring_register ring BITS addr count
open_tree dirfd path OPENTREE
move_mount mntfd path dirfd path BITS
fsopen FSTYPE BIT
fsconfig fsfd BITS str str fd
fsmount fsfd BIT MOUNTATTR
fspick dirfd path BITS
mount_setattr dirfd path AT struct_in size
pidfd_open pid zero
pidfd_getfd pidfd fd zero
pidfd_send_signal pidfd signal zero zero
close_range fd int BITS
landlock_create_ruleset struct_in len8 zero
landlock_add_rule rules one struct_in zero
landlock_restrict_self rules zero
process_mrelease pidfd zero
cachestat file offptr struct_out zero
ioprio_set WHO pid int
personality zero
umask mode
"""

# Name → (whether the values are bits to be combined, values).
SETS: Final[dict[str, tuple[bool, tuple[int, ...]]]] = {
    "OPEN": (True, (0o102, 0, 1, 2, 0o100, 0o200, 0o1000, 0o2000, 0o4000, 0o200000, 0o400000, 0o2000000, 0o10000000, 0o20200000, 0o10000, 0o40000)),
    "WHENCE": (False, (0, 1, 2, 3, 4, 5)),
    "PROT": (True, (3, 0, 1, 2, 1, 3, 4, 7, 1 << 24, 1 << 25)),
    "MAP": (True, (0x22, 0x21, 2, 1, 0x22, 0x10, 0x100, 0x2000, 0x4000, 0x8000, 0x20000, 0x100000, 3)),
    "MREMAP": (True, (0, 1, 2, 4, 1)),
    "MSYNC": (True, (4, 1, 2, 4)),
    "MADV": (False, (0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 100)),
    "POLICY": (False, (0, 1, 2, 3, 4, 5)),
    "SIGHOW": (False, (0, 1, 2)),
    "BIT": (False, (0, 1)),
    "BITS": (True, (0, 0, 1, 2, 4, 8, 16)),
    "FDFLAGS": (True, (0, 1, 0o4000, 0o2000000)),
    "PIPE": (True, (0, 0o4000, 0o2000000, 0o40000, 0o200)),
    "RWF": (True, (0, 0, 1, 2, 4, 8, 16)),
    "SPLICE": (True, (2, 0, 1, 4, 8)),
    "IOCTL": (False, (
        0x5401, 0x5402, 0x5403, 0x5404, 0x5405, 0x5409, 0x540A, 0x540B, 0x540E, 0x540F, 0x5410, 0x5411, 0x5412, 0x5413,
        0x5414, 0x541B, 0x5420, 0x5421, 0x5422, 0x5423, 0x5424, 0x5425, 0x5429, 0x5430 | 0x80040000, 0x40045431,
        0x80045430, 0x5441, 0x5450, 0x5451, 0x5452, 0x5460, 0x8901, 0x8902, 0x8903, 0x8904, 0x8905, 0x8906, 0x8907,
        0x8910, 0x8912, 0x8913, 0x8914, 0x8915, 0x8916, 0x891B, 0x8921, 0x8922, 0x8927, 0x8933, 0x8942, 0x8946, 0x8955,
        0x890B, 0x80086601, 0x40086602, 0xC020660B, 0x40049409, 0x4020940D, 0xB701, 0xB702, 0xB703, 0xB704, 0x801C581F,
        0x80045440, 0x5407, 0x540C, 0x540D, 0x1)),
    "FCNTL": (False, (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 36, 37, 38, 1024, 1025, 1026, 1030, 1031, 1032, 1033, 1034, 1035, 1036, 1037, 1038, 1039)),
    "SHM": (True, (0o1666, 0o1000, 0o2000, 0o666, 0o600, 0o4000, 0)),
    "SHMAT": (True, (0, 0o10000, 0o20000, 0o40000, 0o100000)),
    "IPCCTL": (False, (0, 1, 2, 3, 11, 12, 13, 14, 15)),
    "SEMCTL": (False, (0, 1, 2, 3, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)),
    "MSGFLAGS": (True, (0o4000, 0o10000, 0o20000, 0o40000)),
    "CLOCK": (False, (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11)),
    "ITIMER": (False, (0, 1, 2)),
    "FAMILY": (False, (1, 1, 1, 1, 1, 1, 2, 2, 2, 10, 10, 16, 16, 17, 0, 40, 38)),
    "SOCKET": (False, (1, 2, 3, 5, 1, 2, 0o4001, 0o4002, 0o2000001)),
    "PROTOCOL": (False, (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 6, 9, 12, 15, 17, 58, 136, 255, 262, 0x300)),
    "SOCKFLAGS": (True, (0, 0o4000, 0o2000000)),
    "MSG": (True, (0x40, 0, 1, 2, 4, 8, 0x20, 0x80, 0x100, 0x4000, 0x8000, 0x10000, 0x2000, 0x40000000, 0x4000000, 0x20000000)),
    "LEVEL": (False, (0, 1, 1, 1, 6, 6, 17, 41, 41, 58, 255, 263, 270)),
    "OPTION": (False, tuple(range(0, 83))),
    "CLONE": (True, (
        17, 17, 17, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, 0x8000, 0x10000, 0x40000, 0x80000, 0x100000,
        0x200000, 0x1000000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80000000, 0x80,
        0x3D0F00, 0x10F00)),
    "CLONESIZE": (False, (64, 80, 88, 0, 96)),
    "WAIT": (True, (1, 1, 1, 2, 4, 8, 0x1000000, 0x20000000, 0x40000000, 0x80000000)),
    "IDTYPE": (False, (0, 1, 2, 3)),
    "LOCK": (True, (5, 1, 2, 4, 6, 8)),
    "FALLOCATE": (True, (0, 1, 2, 3, 8, 16, 32)),
    "AT": (True, (0, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, 0x8000)),
    "STATX": (False, (0x7FF, 0xFFF, 0x1FFF, 0, 0x80000000, 1)),
    "RENAME": (True, (0, 1, 2, 4)),
    "MKNOD": (True, (0o10644, 0o100644, 0o140644, 0o20644, 0o60644, 0o40755, 0o644)),
    "RLIMIT": (False, (0, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16)),
    "WHO": (False, (0, 1, 2, -1)),
    "PTRACE": (False, (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 16, 17, 24, 31, 32, 0x4200, 0x4201, 0x4202, 0x4203, 0x4204, 0x4205, 0x4206, 0x4206, 0x4207, 0x4208, 0x4209, 0x420A, 0x420B, 0x420C, 0x420D, 0x420E, 0x420F)),
    "PRCTL": (False, (*range(1, 46), 47, 53, 54, 55, 56, 57, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 0x53564D41, 0x59616D61)),
    "ARCH": (False, (0x1001, 0x1003, 0x1004, 0x1011, 0x1012, 0x1021, 0x1022)),
    "MOUNT": (True, (0, 1, 2, 4, 8, 0x20, 0x1000, 0x2000, 0x4000, 0x20000, 0x40000, 0x80000, 0x100000)),
    "UMOUNT": (True, (0, 1, 2, 4, 8)),
    "FUTEX": (True, (0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 128, 256)),
    "EPOLLCTL": (False, (1, 1, 1, 1, 2, 3, 0)),
    "INOTIFY": (True, (0xFFF, 1, 2, 0x100, 0x200, 0x1000000, 0x2000000, 0x4000000, 0x10000000, 0x20000000, 0x80000000)),
    "KCMP": (False, (0, 1, 2, 3, 4, 5, 6, 7)),
    "MEMFD": (True, (0, 1, 2, 4, 8, 16)),
    "MEMBARRIER": (False, (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)),
    "OPENTREE": (True, (1, 0, 1, 0x80000, 0x8000, 0x1000)),
    "MOUNTATTR": (True, (0, 1, 2, 4, 8, 0x10, 0x20, 0x80)),
    "KEY": (False, (0, 0, 1, 2, 3)),
    "NEWFD": (False, (-1,)),
    "HOWSIZE": (False, (24, 24, 24, 32)),
    "FUTEX2": (False, (2, 130)),
    "MAXNODE": (False, (0, 2, 64)),
    "ATTRSIZE": (False, (48, 56, 64)),
    "CPUS": (False, (8, 16, 128)),
    "WAITID": (True, (5, 4, 1, 2, 8, 0x1000000)),
    "LISTSIZE": (False, (24, 0)),
    "mode": (True, (0o644, 0o755, 0o777, 0o700, 0, 0o4755, 0o2775, 0o1777, 4, 2, 1)),
    "uid": (False, (0, 0, 1000, 1000, -1, 1, 65534)),
}  # fmt: skip

STRINGS: Final[dict[str, tuple[str, ...]]] = {
    "FSTYPE": ("tmpfs", "proc", "sysfs", "mqueue", "devpts", "cgroup2", "overlay", "ext4", "ramfs", "none"),
    "XATTR": ("user.a", "user.b", "trusted.a", "security.capability", "system.posix_acl_access", "system.posix_acl_default", "user.", "x"),
    "MQNAME": ("q", "r", "/q", ""),
}  # fmt: skip

GIVES: Final = {
    "fd": "dup dup2 dup3 eventfd eventfd2 pidfd_getfd fcntl seccomp",
    "file": "open openat openat2 creat memfd_create open_by_handle_at",
    "sock": "socket accept accept4",
    "epoll": "epoll_create epoll_create1",
    "tfd": "timerfd_create",
    "sfd": "signalfd signalfd4",
    "inot": "inotify_init inotify_init1",
    "mq": "mq_open",
    "pidfd": "pidfd_open",
    "fsfd": "fsopen fspick",
    "mntfd": "fsmount open_tree",
    "ring": "io_uring_setup",
    "rules": "landlock_create_ruleset",
    "map": "mmap mremap shmat",
    "shm": "shmget",
    "sem": "semget",
    "msg": "msgget",
    "watch": "inotify_add_watch",
    "pid": "fork vfork clone clone3",
}


def kinds(name: str, args: tuple[str, ...], hints: dict[str, list[str]]) -> list[str]:
    """The six kinds of a call's arguments."""
    found = hints.get(name) or list(args)
    return (found + ["none"] * 6)[:6]


def header() -> str:
    """The text of calls.h."""
    hints = {words[0]: words[1:] for words in map(str.split, HINTS.strip().splitlines())}
    gives = {name: made for made, names in GIVES.items() for name in names.split()}
    names = [*KINDS, *STRINGS, *SETS]
    known = {row.name for row in ROWS}
    strangers = (hints.keys() | gives.keys() | WEIGHTS.keys() | LEFT_OUT.keys()) - known
    if strangers:
        raise ValueError(f"no such calls: {sorted(strangers)}")
    lines = [f"enum kind {{ {', '.join('K_' + name for name in names)} }};"]
    lines.append(f"enum made {{ {', '.join('M_' + name for name in MADE)} }};")
    for name, texts in STRINGS.items():
        literals = ", ".join('"' + text + '"' for text in texts)
        lines.append(f"static const char *const strings_{name}[] = {{{literals}}};")
    for name, (_, values) in SETS.items():
        lines.append(f"static const long set_{name}[] = {{{', '.join(map(str, values))}}};")
    lines.append("static const struct { int count; const char *const *texts; } strings[] = {")
    lines += [f"    {{{len(texts)}, strings_{name}}}," for name, texts in STRINGS.items()]
    lines.append("};\nstatic const struct { int bits, count; const long *values; } sets[] = {")
    lines += [f"    {{{int(bits)}, {len(values)}, set_{name}}}," for name, (bits, values) in SETS.items()]
    lines.append("};\nstatic const struct row { short nr; unsigned char weight, gives, kinds[6]; } rows[] = {")
    for row in ROWS:
        if row.name in LEFT_OUT or row.name == "-":
            continue
        weight = WEIGHTS.get(row.name, 20 if row.support != Support.REFUSED else 2)
        arguments = ", ".join("K_" + kind for kind in kinds(row.name, row.args, hints))
        lines.append(
            f"    {{{row.number}, {weight}, M_{gives.get(row.name, 'nothing')}, {{{arguments}}}}}, // {row.name}"
        )
    lines.append("};")
    return "\n".join(lines) + "\n"
