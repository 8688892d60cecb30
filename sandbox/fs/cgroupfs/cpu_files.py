"""cpu.*: how much processor time a group's processes may use, and how it is weighed against those beside it (kernel/sched/core.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.sched import CPU_SHARES_USUAL
from sandbox.errors import SyscallError
from sandbox.fs.cgroupfs.numbers import number, unsigned
from sandbox.fs.cgroupfs.spec import Spec, Writer
from sandbox.kernel.cgroup.bandwidth import DEFAULT_PERIOD_NS, bandwidth_of
from sandbox.kernel.cgroup.cgroup import CPU

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.task import Task

NS_PER_US: Final = 1000
WEIGHTS_OF_NICE: Final = (
    *(88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916),
    *(9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277),
    *(1024, 820, 655, 526, 423, 335, 272, 215, 172, 137),
    *(110, 87, 70, 56, 45, 36, 29, 23, 18, 15),
)  # sched_prio_to_weight, of -20 to 19
U64: Final = (1 << 64) - 1


def _max(cgroup: Cgroup, t: Task) -> str:
    """A container's top has what bounds the container."""
    bandwidth = cgroup.bandwidth
    if bandwidth is None:
        quota_us, period_us = cgroup.view.cpu_us if cgroup.view is not None else (0, 0)
        return f"{quota_us or 'max'} {period_us or DEFAULT_PERIOD_NS // NS_PER_US}\n"
    quota = "max" if bandwidth.quota_ns is None else str(bandwidth.quota_ns // NS_PER_US)
    return f"{quota} {bandwidth.period_ns // NS_PER_US}\n"


def _put_max(cgroup: Cgroup, w: Writer, text: str) -> None:
    """`max` or a number, and maybe the period, µs (cpu_period_quota_parse): what follows a number is not looked at."""
    words = text.split()
    if not words:
        raise SyscallError(errno.EINVAL)
    bandwidth = bandwidth_of(cgroup, w.task.kernel)
    first = words[0][:20]
    number = _digits(first)
    if not number and first != "max":
        raise SyscallError(errno.EINVAL)
    quota = _ns(number) if number else None
    period = _digits(words[1]) if len(words) > 1 else ""
    period_ns = _ns(period) if period else bandwidth.period_ns
    bandwidth.set(quota, period_ns, bandwidth.burst_ns)


def _digits(word: str) -> str:
    """Those that it begins with."""
    return word[: len(word) - len(word.lstrip("0123456789"))]


def _ns(digits: str) -> int:
    """Of microseconds, as the kernel's unsigned arithmetic has it."""
    return int(digits[:40]) * NS_PER_US & U64


def _burst(cgroup: Cgroup, t: Task) -> str:
    return f"{0 if cgroup.bandwidth is None else cgroup.bandwidth.burst_ns // NS_PER_US}\n"


def _put_burst(cgroup: Cgroup, w: Writer, text: str) -> None:
    """µs; EINVAL for more than the quota."""
    burst = unsigned(text)
    if burst > U64 // NS_PER_US:
        raise SyscallError(errno.EINVAL)
    bandwidth = bandwidth_of(cgroup, w.task.kernel)
    bandwidth.set(bandwidth.quota_ns, bandwidth.period_ns, burst * NS_PER_US)


def _stat(cgroup: Cgroup, t: Task) -> str:
    """Of every group. All of it is said to be user time. What follows is the controller's."""
    used = cgroup.cpu_ns() // NS_PER_US
    text = f"usage_usec {used}\nuser_usec {used}\nsystem_usec 0\n"
    if cgroup.parent is None or CPU not in cgroup.controllers():
        return text
    b = cgroup.bandwidth
    rows = (0, 0, 0, 0, 0)
    if b is not None:
        rows = (b.periods, b.throttles, b.throttled_ns // NS_PER_US, b.bursts, b.burst_used_ns // NS_PER_US)
    names = ("nr_periods", "nr_throttled", "throttled_usec", "nr_bursts", "burst_usec")
    return text + "".join(f"{name} {value}\n" for name, value in zip(names, rows, strict=True))


def _weight(cgroup: Cgroup, t: Task) -> str:
    """1 – 10000, kept as shares of 1024; 0 of an idle group (sched_weight_to_cgroup)."""
    return f"{(cgroup.weight_shares() * 100 + 512) // 1024}\n"


def _put_weight(cgroup: Cgroup, w: Writer, text: str) -> None:
    """ERANGE; EINVAL for an idle group (cpu_weight_write_u64)."""
    weight = unsigned(text)
    if not 1 <= weight <= 10000:
        raise SyscallError(errno.ERANGE)
    _put_shares(cgroup, (weight * 1024 + 50) // 100)


def _nice(cgroup: Cgroup, t: Task) -> str:
    """The niceness whose weight is nearest, the first of two that are as near (cpu_weight_nice_read_s64)."""
    shares = cgroup.weight_shares()
    return f"{min(range(40), key=lambda at: abs(WEIGHTS_OF_NICE[at] - shares)) - 20}\n"


def _put_nice(cgroup: Cgroup, w: Writer, text: str) -> None:
    nice = number(text, 64)
    if not -20 <= nice <= 19:
        raise SyscallError(errno.ERANGE)
    _put_shares(cgroup, WEIGHTS_OF_NICE[nice + 20])


def _put_shares(cgroup: Cgroup, shares: int) -> None:
    if cgroup.idle:
        raise SyscallError(errno.EINVAL)
    cgroup.shares = shares


def _idle(cgroup: Cgroup, t: Task) -> str:
    return f"{int(cgroup.idle)}\n"


def _put_idle(cgroup: Cgroup, w: Writer, text: str) -> None:
    """EINVAL. One that is idle no longer has the usual weight (sched_group_set_idle)."""
    idle = number(text, 64)
    if idle not in (0, 1):
        raise SyscallError(errno.EINVAL)
    if cgroup.idle != bool(idle):
        cgroup.idle, cgroup.shares = bool(idle), CPU_SHARES_USUAL


CPU_STAT: Final = Spec(_stat)
CPU_FILES: Final = {
    b"cpu.max": Spec(_max, _put_max),
    b"cpu.max.burst": Spec(_burst, _put_burst),
    b"cpu.weight": Spec(_weight, _put_weight),
    b"cpu.weight.nice": Spec(_nice, _put_nice),
    b"cpu.idle": Spec(_idle, _put_idle),
}
