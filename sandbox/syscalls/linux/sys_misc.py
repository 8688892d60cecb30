"""The machine and the sandbox's identity: uname(2), sysinfo(2), getrandom(2), membarrier(2)."""

from __future__ import annotations

import errno
import struct
from typing import Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN, CAP_SYS_BOOT
from sandbox.abi.linux.personality import PER_LINUX32, PER_MASK, UNAME26
from sandbox.abi.linux.signal import SIGHUP, SIGINT
from sandbox.errors import SyscallError
from sandbox.kernel.control import AGAIN, TURN_NS, Execute, Result
from sandbox.kernel.kernel import RELEASE
from sandbox.kernel.load_average import SHIFT
from sandbox.kernel.task import Task
from sandbox.platform.base import Order
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row, writes

UTS_LEN: Final = 65
HOST_NAME_MAX: Final = 64
VERSION: Final = b"#1 SMP Stackbox"


def old_release(release: str) -> str:
    """As programs of the time before Linux 3.0 understand it (override_release): 6.6.0 is 2.6.66."""
    parts = release.split("-")[0].split(".")
    return f"2.6.{int(parts[1]) + 60}" + release[len(".".join(parts[:3])) :]


def sys_uname(t: Task, a: SyscallArgs) -> Result:
    """uname(2)."""
    uts = t.ns.uts
    machine = b"i686" if t.personality & PER_MASK == PER_LINUX32 else b"x86_64"
    release = old_release(RELEASE) if t.personality & UNAME26 else RELEASE
    fields = (b"Linux", uts.hostname, release.encode(), VERSION, machine, uts.domainname)
    t.copy_out(a.addr(0), b"".join(field[: UTS_LEN - 1].ljust(UTS_LEN, b"\0") for field in fields))
    return 0


def _read_name(t: Task, a: SyscallArgs) -> bytes:
    if not t.creds.has_in(t.ns.uts.user, CAP_SYS_ADMIN):
        raise SyscallError(errno.EPERM)
    size = a.int(1)
    if not 0 <= size <= HOST_NAME_MAX:
        raise SyscallError(errno.EINVAL)
    return t.copy_in(a.addr(0), size).split(b"\0")[0]


def sys_sethostname(t: Task, a: SyscallArgs) -> Result:
    """sethostname(2)."""
    t.ns.uts.rename(False, _read_name(t, a))
    return 0


def sys_setdomainname(t: Task, a: SyscallArgs) -> Result:
    """setdomainname(2)."""
    t.ns.uts.rename(True, _read_name(t, a))
    return 0


# uptime, loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap, procs, totalhigh, freehigh, mem_unit
LOAD_SHIFT: Final = 16  # SI_LOAD_SHIFT
_SYSINFO: Final = struct.Struct("<q3Q6QH6xQQI4x")


def sys_sysinfo(t: Task, a: SyscallArgs) -> Result:
    """sysinfo(2): of the sandbox."""
    kernel = t.kernel
    total = kernel.memory_bytes
    free = max(0, total - kernel.resident_bytes())
    up = -(-(kernel.uptime_ns() + t.ns.time.boottime) // 1_000_000_000)
    procs = min(len(t.pids.tasks), 0xFFFF)
    loads = [load << LOAD_SHIFT - SHIFT for load in kernel.load.loads()]
    t.copy_out(a.addr(0), _SYSINFO.pack(up, *loads, total, free, 0, 0, 0, 0, procs, 0, 0, 1))
    return 0


GRND_ALL: Final = 7
GRND_RANDOM: Final = 2
GRND_INSECURE: Final = 4
RANDOM_CHUNK: Final = 1 << 16
RANDOM_MAX: Final = 32 << 20


def sys_getrandom(t: Task, a: SyscallArgs) -> Result:
    """getrandom(2). More than 32 MiB come in several calls, as after a signal."""
    flags = a.uint(2)
    if flags & ~GRND_ALL or flags & (GRND_RANDOM | GRND_INSECURE) == GRND_RANDOM | GRND_INSECURE:
        return -errno.EINVAL
    addr, size = a.addr(0), min(a.size(1), RANDOM_MAX)
    done = a.state if isinstance(a.state, int) else 0
    clock = t.kernel.clock
    until = clock.now_ns() + TURN_NS
    while done < size:
        if clock.now_ns() > until:
            a.state = done
            return AGAIN
        chunk = t.kernel.random(min(RANDOM_CHUNK, size - done))
        try:
            t.copy_out(addr + done, chunk)
        except SyscallError:
            return done or -errno.EFAULT
        done += len(chunk)
    return done


NR_MEMBARRIER: Final = 324
MEMBARRIER_COMMANDS: Final = 0x7F  # GLOBAL … PRIVATE_EXPEDITED_SYNC_CORE with their registrations
MEMBARRIER_REGISTRATIONS: Final = 0x04 | 0x10 | 0x40
MEMBARRIER_GET_REGISTRATIONS: Final = 1 << 9


def sys_membarrier(t: Task, a: SyscallArgs) -> Result:
    """membarrier(2): the host's, executed in the guest's process."""
    command, flags = a.int(0), a.uint(1)
    if flags:
        return -errno.EINVAL
    if command == 0:
        return MEMBARRIER_COMMANDS | MEMBARRIER_GET_REGISTRATIONS
    if command == MEMBARRIER_GET_REGISTRATIONS:
        return t.mm.barriers if t.mm is not None else 0
    if command < 0 or command & ~MEMBARRIER_COMMANDS or command & command - 1:
        return -errno.EINVAL
    if command & MEMBARRIER_REGISTRATIONS:
        return Execute((Order(NR_MEMBARRIER, (command, 0, 0)),), _registered)
    return Execute((Order(NR_MEMBARRIER, (command, 0, 0)),), _order_result)


def _registered(t: Task, index: int, result: int) -> Result:
    if result == 0 and t.mm is not None:
        t.mm.barriers |= t.args.int(0)
    return result


def _order_result(t: Task, index: int, result: int) -> Result:
    return result


REBOOT_MAGIC1: Final = 0xFEE1DEAD
REBOOT_MAGIC2: Final = (672274793, 85072278, 369367448, 537993216)
# What process 1 seems to have been killed by (kernel/pid_namespace.c: reboot_pid_ns).
REBOOT_SIGNALS: Final = {
    0x01234567: SIGHUP,  # LINUX_REBOOT_CMD_RESTART
    0xA1B2C3D4: SIGHUP,  # … RESTART2
    0x4321FEDC: SIGINT,  # … POWER_OFF
    0xCDEF0123: SIGINT,  # … HALT
}


def sys_reboot(t: Task, a: SyscallArgs) -> Result:
    """reboot(2), as in a PID namespace: process 1 ends, and with it the sandbox."""
    if not t.creds.has_in(t.pids.user, CAP_SYS_BOOT):
        return -errno.EPERM
    if a.uint(0) != REBOOT_MAGIC1 or a.uint(1) not in REBOOT_MAGIC2:
        return -errno.EINVAL
    signo, init = REBOOT_SIGNALS.get(a.uint(2)), t.pids.init
    if signo is None or init is None:
        return -errno.EINVAL
    init.begin_exit(signo)
    return 0


ROWS: Final[tuple[Row, ...]] = (
    Row(63, "uname", sys_uname, FULL, (Arg.STRUCT_OUT,), copies=(writes(0, 390),)),
    Row(99, "sysinfo", sys_sysinfo, FULL, (Arg.STRUCT_OUT,), copies=(writes(0, 112),)),
    Row(169, "reboot", sys_reboot, FULL, (Arg.HEX, Arg.HEX, Arg.HEX, Arg.ADDR)),
    Row(170, "sethostname", sys_sethostname, FULL, (Arg.IN_BUF, Arg.SIZE)),
    Row(171, "setdomainname", sys_setdomainname, FULL, (Arg.IN_BUF, Arg.SIZE)),
    Row(318, "getrandom", sys_getrandom, FULL, (Arg.OUT_BUF, Arg.SIZE, Arg.HEX)),
    Row(
        324,
        "membarrier",
        sys_membarrier,
        PARTIAL,
        (Arg.HEX, Arg.HEX, Arg.INT),
        "no rseq commands: EINVAL, as a kernel built without restartable sequences",
    ),
)
