"""The processes of a sandbox as its operator sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.control.messages import ENCODING
from sandbox.fs.procfs.task_files import cmdline
from sandbox.kernel.usage import Usage, of_groups

if TYPE_CHECKING:
    from sandbox.control.wire import Body
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.kernel.view import View

LIMIT: Final = 4096  # processes that are listed
COMMAND_LIMIT: Final = 256  # bytes of a command line
NIC_COUNTERS: Final = ("rx_packets", "rx_bytes", "rx_dropped", "tx_packets", "tx_bytes", "tx_dropped")


def processes(kernel: Kernel, view: View) -> list[Body]:
    """By process id: numbers inside, and the number of the host process in the sandbox's PID namespace."""
    found: list[Body] = []
    for group in view.groups()[:LIMIT]:
        pid = group.ids.top()
        leader = group.leader
        task = next(iter(group.tasks), None)
        words = cmdline(leader, task)[:COMMAND_LIMIT] if task is not None else b""
        command = words.rstrip(b"\0").replace(b"\0", b" ") or b"[" + leader.comm + b"]"
        found.append(
            {
                "pid": pid,
                "ppid": group.parent.ids.top() if group.parent is not None else 0,
                "uid": leader.creds.uid,
                "threads": len(group.tasks),
                "host_pid": task.space.host_pid() if task is not None else 0,
                "age_ns": kernel.clock.now_ns() - group.start_ns,
                "cpu_ns": group.cpu_ns(),
                "tty": terminal_of(group),
                "comm": leader.comm.decode(ENCODING),
                "command": command.decode(ENCODING),
            }
        )
    return found


def terminal_of(group: ThreadGroup) -> str:
    """As ps(1) names it."""
    from sandbox.fs.tty.terminal import Terminal

    tty = group.tty
    return f"pts/{tty.index}" if isinstance(tty, Terminal) else "?"


def stats(kernel: Kernel, view: View) -> Body:
    """What a container's processes use: ns, bytes, tasks, and their bounds; then what the whole sandbox has counted."""
    groups = view.groups()
    spaces = {task.space for group in groups for task in group.tasks}
    used = sum(space.resident_pages() for space in spaces)
    memory = view.cgroup.memory
    all_used = use_of(view)
    return {
        "cpu_ns": view.cgroup.cpu_ns(),
        "cpu_system_ns": all_used.system_ns,
        "page_faults": all_used.minor + all_used.major,
        "major_page_faults": all_used.major,
        **throttling(view),
        "memory": used << 12,
        "memory_peak": memory.seen(used) << 12,
        "memory_failures": view.cgroup.memory_events.max,
        "memory_limit": (view.cgroup.memory_pages or 0) << 12 or kernel.memory_bytes,
        "oom_kills": view.oom_kills,
        "pids": sum(len(group.tasks) for group in groups),
        "pids_limit": view.task_limit(),
        "platform": dict(kernel.platform.metrics()),
        "interfaces": interfaces(kernel),
        "network": dict(kernel.net.counters.as_dict(), names=len(kernel.net.counters.names)),
    }


def use_of(view: View) -> Usage:
    """Of its processes, and of those that have ended; the latter only where the PID namespace is its own."""
    out = of_groups(view.groups())
    if not view.shared:
        out.add(view.pids.ended)
    return out


def throttling(view: View) -> Body:
    """Of a container that our own kernel bounds: periods, those in which it was held, for how long."""
    bandwidth = view.cgroup.bandwidth
    if bandwidth is None:
        return {}
    held: Body = {"cpu_periods": bandwidth.periods, "cpu_throttled_periods": bandwidth.throttles}
    return held | {"cpu_throttled_ns": bandwidth.throttled_ns}


def interfaces(kernel: Kernel) -> list[Body]:
    """What the sandbox's interfaces have counted (Documentation/networking/statistics.rst)."""
    found: list[Body] = []
    for nic in kernel.net.stack.nics.values():
        found.append({"name": nic.name, **{name: getattr(nic, name) for name in NIC_COUNTERS}})
    return found[:LIMIT]
