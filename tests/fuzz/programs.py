"""Random programs for guest/player.c: lines of an operation's name and its numbers, from a seed.

OPERATIONS says what each takes. A program works on few descriptors, paths and pieces of memory, so that what it does
meets what it did before; one in three numbers of a line may be odd."""

from __future__ import annotations

import random
from typing import Callable, Final

Program = list[str]

ONE_OF: Final[dict[str, tuple[int, ...]]] = {
    "slot": (0, 1, 2, 3, 4, 5, 6, 7),
    "fd": (0, 1, 2, 3, 4, 5, 6, 7),
    "dir": (-1, -1, -1, 0, 1, 2, 3),
    "path": (0, 0, 0, 1, 1, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 99, -1),
    "mode": (0o644, 0o755, 0o777, 0o700, 0o600, 0, 0o4755, 0o2777, 0o1777, 0o2644, 0o444, 0o111),
    "open": (0o102, 0o102, 0, 1, 2, 0o302, 0o101, 0o1001, 0o1102, 0o2102, 0o2001, 0o200000, 0o200000, 0o10000000, 0o400000, 0o20200002, 0o20200202, 0o2000102, 0o200100, 3),
    "resolve": (0, 0, 1, 2, 4, 8, 16),  # what RESOLVE_CACHED answers is up to the cache
    "fdflag": (0, 1), "flag": (0, 0, 1, 2, 4, 3, 8),
    "size": (0, 1, 5, 10, 100, 1000, 4096, 5000), "small": (0, 1, 4, 10, 100),
    "off": (0, 0, 1, 10, 100, 4095, 4096, 4097, 5000, 8192, 10000, -1), "at": (0, 1, 100, 4096, 6000, -1, -1),
    "len": (0, 1, 10, 4096, 5000, 8192, 100), "seed": (0, 3, 7, 11),
    "whence": (0, 0, 1, 2, 3, 4, 5),
    "fallocate": (0, 0, 1, 3, 3, 2, 8, 16, 32, 64),
    "rwf": (0, 0, 0, 1, 2, 4, 8, 16, 64),
    "atflag": (0, 0, 0x100, 0x100, 0x200, 0x400, 0x1000, 0x1100, 0x80, 1),
    "statx": (0x7FF, 0xFFF), "access": (0, 1, 2, 4, 6, 7, 8),
    "node": (0o10644, 0o100644, 0o140600, 0o644, 0o20600, 0o40755, 0o60600, 0o120777), "rdev": (0, 259),
    "rename": (0, 0, 1, 2, 4, 3, 6, 8),
    "owner": (0, 1000, 1000, -1, 65534, 5), "user": (1000, 1000, 0, 65534, -1), "once": (0, 1),
    "umask": (0, 0o22, 0o77, 0o777), "cwd": (0, 2, 3, 300), "dents": (10, 24, 4000, 4000, 4000, 4000),
    "sec": (0, 1, 100000, -1), "nsec": (0, 1, 999999999, 1000000000, (1 << 30) - 1, (1 << 30) - 2),
    "name": (0, 0, 1, 2, 3, 4, 5, 6, 7), "xsize": (0, 1, 10, 100, 1000), "xflag": (0, 0, 1, 2, 3, 4, 8, 9, 10),
    "flock": (1, 2, 2, 8, 0, 3), "lockcmd": (5, 6, 6, 36, 37, 37), "locktype": (0, 1, 1, 2, 2, 3), "lockat": (0, 0, 5, 10, 20, -5, 4096), "locklen": (0, 5, 10, 1, -3, 100),
    "pipeflag": (0, 0, 0, 0o40000, 0o2000000), "pipesize": (-1, -1, 0, 4096, 5000, 65536, 100000, 8192),
    "socktype": (1, 2, 5, 1, 2, 5, 3, 4, 0), "backlog": (0, 1, 5, -1), "bindto": (0, 2, 6, 22, 23, 4, 20), "msg": (0, 0, 0, 2, 0x20, 0x100, 1, 0x80),
    "bytes": (0, 1, 2, 10, 100), "control": (0, 4, 16, 20, 24, 32, 64), "how": (0, 1, 2, 3, -1),
    # Not 42: Unix sockets have no SO_PEEK_OFF here; not 15: Linux 6.13 refuses SO_REUSEPORT of them.
    "option": (3, 4, 6, 9, 16, 17, 20, 30, 38, 39, 49, 61), "optlen": (0, 1, 4, 8, 2), "optval": (0, 1, -1, 100),
    "count": (0, 1, 2, 5, 1 << 31, -1), "sigset": (0x200, 0x800, 0xA00, 0, 0x1000, 0x300000000, 0x40000), "sigbytes": (128, 256, 100),
    "clock": (0, 1, 7, 2, 4), "timeflag": (0, 0, 1, 2, 3), "far": (0, 0, 100000, -1),
    "memfd": (0, 2, 2, 2, 1, 3, 8, 10, 16), "seals": (1, 2, 4, 8, 16, 6, 0, 32, 15),
    "epollcmd": (1, 1, 1, 1, 2, 3, 0, 4), "events": (1, 4, 5, 0x2005, 0x80000001, 0x40000005, 0x80000005, 0, 0x10000001, 0x18), "evcount": (8, 8, 8, 1, 0, -1), "pollmask": (1, 5, 0x2005, 0xFFF, 0), "mask": (0xFF, 0x0F, 0x3C, 1),
    "notify": (0xFFF, 0xFFF, 0x3C0, 2, 4, 0x100, 0x1000FFF, 0x2000FFF, 0x20000002, 0x10000004, 0x80000FFF, 0x4000FFF, 0), "wd": (1, 2, 3, 0), "notesize": (4096, 4096, 20, 10),
    "sighow": (0, 1, 2, 0, 1, 2, 3), "signal": (10, 12, 10, 12, 13, 34, 35, 18, 17, 64), "anysignal": (10, 12, 34, 0, 65, -1, 9, 17, 1), "disposition": (0, 1, 2, 2, 2), "sigflags": (0, 0x40000000, 0x80000000, 0x10000000, 4, 0x08000000, 2),
    "nofile": (3, 6, 8, 10, 64, 1024), "fsize": (0, 100, 5000, 1 << 20),
    "futexop": (0, 1, 3, 4, 5, 9, 10, 128, 129, 11, 12, 13, 256), "word": (0, 1, 2),
    "piece": (0, 1, 2, 3), "maplen": (4096, 8192, 16384, 100, 0), "prot": (3, 3, 3, 1, 0, 2), "map": (1, 1, 2, 2, 0x22, 0x21, 3, 0, 0x8002, 0x4022, 0x2002), "page": (0, 0, 4096, 8192, 100, 12288),
    "remap": (4096, 8192, 16384), "msync": (1, 2, 4, 5, 6, 0), "madvise": (4, 4, 0, 1, 2, 3, 9, 8, 10, 11, 18, 19, 22, 23, 100), "peek": (0, 1, 100, 4095, 4096, 5000, 8191, 8192, 16383), "byte": (65, 66),
    "children": (1, 2, 3, 4, 6),
}  # fmt: skip

# Weight, name, arguments.
OPERATIONS: Final = """
12 open slot path open mode
5 openat slot dir path open mode
3 openat2 slot dir path open mode resolve
5 close fd
3 dup slot fd
2 dup3 slot fd fd pipeflag
2 dupfd slot fd small fdflag
1 getfd fd
1 setfd fd fdflag
2 getfl fd
1 setfl fd open
6 read fd size
8 write fd size seed
4 pread fd size off
5 pwrite fd size off seed
2 readv fd small small off rwf
2 writev fd small small off rwf
1 badread fd small
1 badwrite fd small
4 lseek fd off whence
3 truncate path off
4 ftruncate fd off
3 fallocate fd fallocate off len
1 fsync fd once
1 fadvise fd off len small
3 copy_range fd fd at at len
3 sendfile fd fd at len
3 splice fd fd at len
2 tee fd fd len
4 stat path
4 lstat path
5 fstat fd
3 fstatat dir path atflag
2 statx dir path atflag statx
2 access path access
2 faccessat dir path access atflag
5 mkdir path mode
2 mkdirat dir path mode
3 mknod path node rdev
3 rmdir path
4 unlink path
3 unlinkat dir path atflag
4 link path path
3 linkat dir path dir path atflag
4 symlink path path
3 readlink dir path size
5 rename path path
4 renameat2 dir path dir path rename
3 chmod path mode
2 fchmod fd mode
1 fchmodat2 dir path mode atflag
3 chown path owner owner once
2 fchown fd owner owner
2 fchownat dir path owner owner atflag
2 umask umask
3 chdir path
2 fchdir fd
2 getcwd cwd
4 getdents fd dents
3 utimens dir path sec nsec atflag
3 setxattr path name xsize xflag
2 getxattr path name xsize once
2 listxattr path xsize
2 removexattr path name
2 fsetxattr fd name xsize xflag
1 fgetxattr fd name xsize
3 flock fd flock
7 lock fd lockcmd locktype whence lockat locklen
1 statfs path once
6 pipe slot pipeflag
2 pipesize fd pipesize
3 fionread fd
5 socketpair slot socktype
3 socket slot socktype
3 bind fd bindto
3 connect fd bindto
3 listen fd backlog
3 accept slot fd pipeflag
2 sockname fd once
5 send fd bytes msg
5 recv fd bytes msg
3 sendfd fd fd bytes
4 recvfd slot fd bytes control msg
3 shutdown fd how
2 getsockopt fd option optlen
2 setsockopt fd option optval optlen
3 eventfd slot count fdflag
2 signalfd slot dir sigset
2 readsignal fd sigbytes
2 timerfd slot clock
2 settime fd timeflag far far nsec
4 memfd slot memfd
3 addseals fd seals
2 getseals fd
4 epoll slot small
8 epollctl fd epollcmd fd events
6 epollwait fd evcount
3 poll pollmask evcount
2 select mask
4 inotify slot
5 watch fd path notify
2 unwatch fd wd
6 readnotes fd notesize
4 sigmask sighow sigset
3 sigpending
3 sigaction signal disposition sigflags
4 kill signal
1 kill anysignal
3 sigqueue signal byte
3 sigwait sigset
1 setuid user once
1 setgid user once
1 nofile nofile
1 fsize fsize
2 futex futexop word count word
6 mmap piece fd maplen prot map page
2 munmap piece page maplen
3 mprotect piece page maplen prot
2 mremap piece remap remap
2 msync piece page maplen msync
3 madvise piece page maplen madvise
1 mincore piece maplen
5 peek piece peek
5 poke piece peek byte
2 readinto fd piece peek size
2 writefrom fd piece peek size
6 fork children
"""

MAKERS: Final = {
    name: kind
    for kind, names in {
        "file": "open openat openat2", "pipe": "pipe", "socket": "socketpair socket accept", "memfd": "memfd", "epoll": "epoll",
        "event": "eventfd", "signal": "signalfd", "timer": "timerfd", "notify": "inotify",
    }.items()
    for name in names.split()
}  # fmt: skip
LIKES: Final = {
    name: kind
    for kind, names in {
        "file": "ftruncate fallocate lock flock pread pwrite lseek getdents fchmod fchown mmap copy_range fsetxattr fgetxattr",
        "pipe": "pipesize tee splice", "epoll": "epollctl epollwait", "notify": "watch unwatch readnotes", "timer": "settime",
        "socket": "bind connect listen accept sockname send recv sendfd recvfd shutdown getsockopt setsockopt",
        "memfd": "addseals getseals", "signal": "readsignal",
    }.items()
    for name in names.split()
}  # fmt: skip
TABLE: Final = [line.split() for line in OPERATIONS.strip().splitlines()]


class Maker:
    """Makes programs; `slots`: what sort of descriptor was last put where, as far as can be known."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.slots: dict[int, str] = {}

    def program(self) -> Program:
        """The next one."""
        self.slots = {}
        chance = self.random
        # A program uses some of the operations only: those that are left meet each other more often.
        chosen = [row for row in TABLE if chance.random() < 0.45] or TABLE
        weights = [int(row[0]) for row in chosen]
        lines = []
        if chance.random() < 0.15:
            lines.append("setuid 1000 0")
        for row in chance.choices(chosen, weights, k=chance.randrange(10, 45)):
            lines.extend(self._needed(row[1]))
            lines.append(self._line(row))
        return lines

    def _needed(self, name: str) -> list[str]:
        """What makes the sort of descriptor that the operation is about, if there is none yet."""
        kind = LIKES.get(name)
        if kind is None or kind in self.slots.values() or self.random.random() < 0.2:
            return []
        makers = [row for row in TABLE if MAKERS.get(row[1]) == kind and row[1] != "accept"]
        return [self._line(self.random.choice(makers))]

    def _line(self, row: list[str]) -> str:
        name = row[1]
        values = [self._value(kind, LIKES.get(name, "")) for kind in row[2:]]
        if name in MAKERS:
            self.slots[values[0]] = MAKERS[name]
            if name in ("pipe", "socketpair"):
                self.slots[(values[0] + 1) % 8] = MAKERS[name]
        return " ".join([name, *map(str, values)])

    def _value(self, kind: str, liked: str) -> int:
        choose: Callable[..., int] = self.random.choice
        if kind in ("fd", "dir") and self.random.random() < 0.9:
            if kind == "dir" and self.random.random() < 0.7:
                return -1
            fitting = [slot for slot, sort in self.slots.items() if not liked or sort == liked]
            if fitting:
                return choose(fitting)
        if kind in ("path", "open", "prot", "mode", "dents") and self.random.random() < 0.5:
            return choose(ONE_OF[kind][:9])
        return choose(ONE_OF[kind])


def text(programs: list[Program]) -> str:
    """The file that the player reads."""
    return "".join("program\n" + "".join(f"{line}\n" for line in program) for program in programs)
