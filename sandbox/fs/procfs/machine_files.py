"""Files of /proc about drivers, interrupts and pages: a machine without devices of its own has little to say there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.fs.procfs.key_files import key_users, keys
from sandbox.fs.procfs.locks import locks
from sandbox.fs.procfs.system_files import empty, used_pages

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

_ORDERS: Final = 11  # of the page allocator: 4 KiB … 4 MiB
_SOFTIRQS: Final = ("HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU")
_DRIVERS: Final = (
    b"/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
    b"/dev/ptmx            /dev/ptmx       5       2 system\n"
    b"pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
    b"pty_master           /dev/ptm      128 0-1048575 pty:master\n"
)


def tty_drivers(t: Task) -> bytes:
    """Those of the terminals that there are (ps(1) names terminals by it)."""
    return _DRIVERS


def tty_ldiscs(t: Task) -> bytes:
    """One line discipline, and that which hears nothing."""
    return b"n_tty       0\nn_null     27\n"


def misc(t: Task) -> bytes:
    """Miscellaneous devices: /dev/net/tun."""
    return b"200 tun\n"


def execdomains(t: Task) -> bytes:
    """Linux alone."""
    return b"0-0\tLinux           \t[kernel]\n"


def interrupts(t: Task) -> bytes:
    """None come to the sandbox's processors."""
    return b"           " + b"".join(b"CPU%-8d" % cpu for cpu in range(t.kernel.cpus)) + b"\n"


def softirqs(t: Task) -> bytes:
    """The same of what follows interrupts."""
    cpus = t.kernel.cpus
    head = " " * 20 + "".join(f"{f'CPU{cpu}':<11}" for cpu in range(cpus)) + "\n"
    return (head + "".join(f"{name:>12}:{f' {0:10}' * cpus}\n" for name in _SOFTIRQS)).encode()


def _free_pages(t: Task) -> int:
    return max((t.kernel.memory_bytes >> 12) - used_pages(t), 0)


def buddyinfo(t: Task) -> bytes:
    """Free memory, in one zone and in the largest blocks that it fills."""
    free, counts = _free_pages(t), []
    for order in range(_ORDERS - 1, -1, -1):
        counts.append(free >> order)
        free -= counts[-1] << order
    return ("Node 0, zone   Normal " + "".join(f"{count:6} " for count in reversed(counts)) + "\n").encode()


def zoneinfo(t: Task) -> bytes:
    """The one zone: free and managed pages."""
    total = t.kernel.memory_bytes >> 12
    rows = (
        ("boost", 0),
        ("min", 0),
        ("low", 0),
        ("high", 0),
        ("spanned", total),
        ("present", total),
        ("managed", total),
    )
    text = f"Node 0, zone   Normal\n  pages free     {_free_pages(t)}\n"
    text += "".join(f"        {name:8} {value}\n" for name, value in rows)
    return (text + "  start_pfn:           0\n").encode()


def slabinfo(t: Task) -> bytes:
    """The kernel has no slabs."""
    return (
        b"slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
        b" : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n"
    )


def iomem(t: Task) -> bytes:
    """Physical memory, whose addresses nobody learns here (kernel/resource.c: without CAP_SYS_ADMIN they are zeros)."""
    return b"00000000-00000000 : System RAM\n"


FILES: Final[tuple[tuple[str, Callable[[Task], bytes]], ...]] = (
    ("buddyinfo", buddyinfo),
    ("consoles", empty),
    ("execdomains", execdomains),
    ("interrupts", interrupts),
    ("iomem", iomem),
    ("ioports", empty),
    ("key-users", key_users),
    ("keys", keys),
    ("locks", locks),
    ("misc", misc),
    ("slabinfo", slabinfo),
    ("softirqs", softirqs),
    ("zoneinfo", zoneinfo),
)
TTY: Final[tuple[tuple[str, Callable[[Task], bytes]], ...]] = (("drivers", tty_drivers), ("ldiscs", tty_ldiscs))
