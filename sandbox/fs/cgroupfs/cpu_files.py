"""cpu.*: how much processor time a group's processes may use (kernel/sched/core.c). There are no weights: who gets a processor
that several want is up to the host's scheduler, which knows nothing of these groups."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.fs.cgroupfs.numbers import unsigned
from sandbox.fs.cgroupfs.spec import Spec, Writer
from sandbox.kernel.cgroup.bandwidth import DEFAULT_PERIOD_NS, bandwidth_of
from sandbox.kernel.cgroup.cgroup import CPU

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.task import Task

NS_PER_US: Final = 1000
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


CPU_STAT: Final = Spec(_stat)
CPU_FILES: Final = {
    b"cpu.max": Spec(_max, _put_max),
    b"cpu.max.burst": Spec(_burst, _put_burst),
}
