"""Files of /proc that describe the machine: the sandbox's own (proc(5))."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, Final

from sandbox.fs.pseudo.nodes import GeneratedFile, MadeFile
from sandbox.kernel.cgroup.cgroup import CONTROLLERS
from sandbox.kernel.kernel import RELEASE
from sandbox.kernel.load_average import ONE, SHIFT
from sandbox.kernel.task_state import PARK_NONE
from sandbox.kernel.usage import of_everyone
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

TICK_NS: Final = 10_000_000
S: Final = 1_000_000_000
_CPU_KEYS: Final = (
    "vendor_id",
    "cpu family",
    "model",
    "model name",
    "stepping",
    "microcode",
    "cpu MHz",
    "cache size",
    "fpu",
    "fpu_exception",
    "cpuid level",
    "wp",
    "flags",
    "bugs",
    "bogomips",
    "clflush size",
    "cache_alignment",
    "address sizes",
)
# Features that the sandbox does not let a guest use.
_NO_FLAGS: Final = frozenset(
    ["hypervisor", "vmx", "svm", "pku", "ospke", "amx_bf16", "amx_tile", "amx_int8", "shstk", "ibt", "user_shstk"]
)


class CpuIdentity:
    """What the CPUID instruction tells a guest anyway; read once from the host."""

    def __init__(self) -> None:
        self._values: dict[str, str] | None = None
        self._fd = -1

    def prepare(self) -> None:
        """Open what it will be read from, while the host's /proc is there: to read it takes long, and few ask."""
        try:
            self._fd = os.open("/proc/cpuinfo", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            pass

    def values(self) -> dict[str, str]:
        """Of the first processor; a bare minimum when the host does not say."""
        found = self._values
        if found is None:
            found = self._values = self._read()
        return found

    def _read(self) -> dict[str, str]:
        out: dict[str, str] = {}
        try:
            block = os.pread(self._fd, 1 << 14, 0).decode("ascii", "replace").split("\n\n", 1)[0]
        except OSError:
            return {"vendor_id": "unknown", "cpu family": "6", "model": "0", "model name": "unknown", "flags": "fpu"}
        for line in block.splitlines():
            key, _, value = line.partition(":")
            out[key.strip()] = value.strip()
        if "flags" in out:
            out["flags"] = " ".join(flag for flag in out["flags"].split() if flag not in _NO_FLAGS)
        return out


CPU: Final = CpuIdentity()


def cpuinfo(t: Task) -> bytes:
    """A block for each processor that the sandbox has."""
    values = CPU.values()
    cpus = t.kernel.cpus
    out = []
    for cpu in range(cpus):
        out.append(f"processor\t: {cpu}\n")
        for key in _CPU_KEYS:
            if key in values:
                out.append(f"{key}{chr(9) if len(key) >= 8 else chr(9) * 2}: {values[key]}\n")
            if key == "cache size":
                out.append(f"physical id\t: 0\nsiblings\t: {cpus}\ncore id\t\t: {cpu}\ncpu cores\t: {cpus}\n")
                out.append(f"apicid\t\t: {cpu}\ninitial apicid\t: {cpu}\n")
        out.append("power management:\n\n")
    return "".join(out).encode("utf-8", "replace")


def used_pages(t: Task) -> int:
    """Pages that the guests and the files in memory take now."""
    kernel = t.kernel
    return sum(space.resident_pages() for space in list(kernel.spaces)) + kernel.mounts.vfs.space.used


def meminfo(t: Task) -> bytes:
    """Sizes in KiB."""
    total = t.kernel.memory_bytes >> 10
    files = t.kernel.mounts.vfs.space.used * 4
    used = min(used_pages(t) * 4, total)
    free = total - used
    commit = t.kernel.commit
    rows = (
        ("MemTotal", total), ("MemFree", free), ("MemAvailable", free), ("Buffers", 0), ("Cached", files),
        ("SwapCached", 0), ("Active", used), ("Inactive", 0), ("Active(anon)", max(used - files, 0)),
        ("Inactive(anon)", 0), ("Active(file)", 0), ("Inactive(file)", 0), ("Unevictable", 0), ("Mlocked", 0),
        ("SwapTotal", 0), ("SwapFree", 0), ("Dirty", 0), ("Writeback", 0), ("AnonPages", max(used - files, 0)),
        ("Mapped", 0), ("Shmem", files), ("KReclaimable", 0), ("Slab", 0), ("SReclaimable", 0), ("SUnreclaim", 0),
        ("KernelStack", 0), ("PageTables", 0), ("NFS_Unstable", 0), ("Bounce", 0), ("WritebackTmp", 0),
        ("CommitLimit", commit.limit() * 4), ("Committed_AS", commit.used * 4), ("VmallocTotal", 34359738367),
        ("VmallocUsed", 0), ("VmallocChunk", 0), ("Percpu", 0), ("AnonHugePages", 0), ("ShmemHugePages", 0),
    )  # fmt: skip
    text = "".join(f"{name + ':':15} {value:8} kB\n" for name, value in rows)
    text += "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\n"
    return (text + "Hugepagesize:       2048 kB\nHugetlb:               0 kB\n").encode()


def _cpu_ticks(t: Task) -> tuple[int, int, int]:
    """User, system and idle time of all processors since boot."""
    used = of_everyone(t.group.view.pids)
    busy = (used.user_ns + used.system_ns) // TICK_NS
    return (
        used.user_ns // TICK_NS,
        used.system_ns // TICK_NS,
        max(t.kernel.uptime_ns() * t.kernel.cpus // TICK_NS - busy, 0),
    )


def _running(t: Task) -> int:
    return sum(1 for task in t.pids.tasks.values() if task.parked == PARK_NONE)


def stat(t: Task) -> bytes:
    """Processor times in ticks; interrupts are not counted."""
    kernel = t.kernel
    user, system, idle = _cpu_ticks(t)
    cpus = kernel.cpus
    lines = [f"cpu  {user} 0 {system} {idle} 0 0 0 0 0 0\n"]
    each = f"{user // cpus} 0 {system // cpus} {idle // cpus} 0 0 0 0 0 0\n"
    lines += [f"cpu{cpu} {each}" for cpu in range(cpus)]
    boot = (kernel.clock.realtime_ns() - kernel.uptime_ns() - t.ns.time.boottime) // S
    lines.append(f"intr 0\nctxt 0\nbtime {boot}\nprocesses {kernel.forks + 1}\n")
    lines.append(f"procs_running {_running(t)}\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n")
    return "".join(lines).encode()


def loadavg(t: Task) -> bytes:
    """The load of the whole sandbox; then runnable and all threads, and the last PID."""
    pids = t.pids
    loads = [load + ONE // 200 for load in t.kernel.load.loads()]
    text = " ".join(f"{load >> SHIFT}.{(load & ONE - 1) * 100 >> SHIFT:02}" for load in loads)
    return b"%s %d/%d %d\n" % (text.encode(), _running(t), len(pids.tasks), pids.last_pid)


def uptime(t: Task) -> bytes:
    """Seconds since boot, and idle seconds."""
    up = (t.kernel.uptime_ns() + t.ns.time.boottime) // TICK_NS
    *_, idle = _cpu_ticks(t)
    return f"{up // 100}.{up % 100:02} {idle // 100}.{idle % 100:02}\n".encode()


def version(t: Task) -> bytes:
    """As uname(2) says."""
    from sandbox.syscalls.linux.sys_misc import VERSION

    return b"Linux version %s (stackbox) %s\n" % (RELEASE.encode(), VERSION)


# The kinds of file systems, by index.
KINDS: Final = (
    b"sysfs",
    b"tmpfs",
    b"proc",
    b"devtmpfs",
    b"pipefs",
    b"sockfs",
    b"devpts",
    b"overlay",
    b"mqueue",
    b"cgroup2",
)


def filesystems(t: Task) -> bytes:
    """What mount(2) knows, and the root's kind."""
    return b"".join(b"nodev\t%s\n" % name for name in KINDS)


def cmdline(t: Task) -> bytes:
    """Boot arguments: none."""
    return b"\n"


def config(t: Task) -> bytes:
    """What of Linux this kernel has."""
    from sandbox.fs.procfs import kernel_config

    return kernel_config.config(t)


def devices(t: Task) -> bytes:
    """Majors that drivers have taken."""
    return b"Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n"


def empty(t: Task) -> bytes:
    """Nothing to list."""
    return b""


def swaps(t: Task) -> bytes:
    """No swap."""
    return b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


class SwapsFile(MadeFile):
    """/proc/swaps can be polled for changes, of which there are none (mm/swapfile.c: swaps_poll)."""

    __slots__ = ()

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """As of any other."""
        return OpenSwaps(flags, path, self)


class OpenSwaps(GeneratedFile):
    """Readable, and nothing else."""

    def poll(self, t: Task | None) -> int:
        return EVENT_IN


def partitions(t: Task) -> bytes:
    """No disks."""
    return b"major minor  #blocks  name\n\n"


def cgroups(t: Task) -> bytes:
    """Controllers of the second version."""
    rows = b"".join(b"%s\t0\t%d\t1\n" % (name, t.kernel.cgroups.count) for name in CONTROLLERS)
    return b"#subsys_name\thierarchy\tnum_cgroups\tenabled\n" + rows


def vmstat(t: Task) -> bytes:
    """What is known: free pages, and page faults of either kind."""
    free = max((t.kernel.memory_bytes >> 12) - used_pages(t), 0)
    used = of_everyone(t.group.view.pids)
    faults = b"pgfault %d\npgmajfault %d\n" % (used.minor + used.major, used.major)
    return b"nr_free_pages %d\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n" % free + faults


FILES: Final[tuple[tuple[str, Callable[[Task], bytes]], ...]] = (
    ("cgroups", cgroups),
    ("cmdline", cmdline),
    ("config.gz", config),
    ("cpuinfo", cpuinfo),
    ("devices", devices),
    ("diskstats", empty),
    ("filesystems", filesystems),
    ("loadavg", loadavg),
    ("meminfo", meminfo),
    ("modules", empty),
    ("partitions", partitions),
    ("stat", stat),
    ("uptime", uptime),
    ("version", version),
    ("vmstat", vmstat),
)
