"""The processes of a sandbox as its operator sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.control.messages import ENCODING
from sandbox.fs.procfs.task_files import cmdline

if TYPE_CHECKING:
    from sandbox.control.wire import Body
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.thread_group import ThreadGroup

LIMIT: Final = 4096  # processes that are listed
COMMAND_LIMIT: Final = 256  # bytes of a command line


def processes(kernel: Kernel) -> list[Body]:
    """By process id: numbers inside, and the number of the host process in the sandbox's PID namespace."""
    found: list[Body] = []
    for pid, group in sorted(kernel.pids.groups.items())[:LIMIT]:
        leader = group.leader
        task = next(iter(group.tasks), None)
        words = cmdline(leader, task)[:COMMAND_LIMIT] if task is not None else b""
        command = words.rstrip(b"\0").replace(b"\0", b" ") or b"[" + leader.comm + b"]"
        found.append(
            {
                "pid": pid,
                "ppid": group.parent.pid if group.parent is not None else 0,
                "uid": leader.creds.uid,
                "threads": len(group.tasks),
                "host_pid": task.space.host_pid() if task is not None else 0,
                "age_ns": kernel.clock.now_ns() - group.start_ns,
                "cpu_ns": group.cpu_ns(),
                "tty": terminal_of(group),
                "command": command.decode(ENCODING),
            }
        )
    return found


def terminal_of(group: ThreadGroup) -> str:
    """As ps(1) names it."""
    from sandbox.fs.tty.terminal import Terminal

    tty = group.session.tty
    return f"pts/{tty.index}" if isinstance(tty, Terminal) else "?"


def stats(kernel: Kernel) -> Body:
    """What the sandbox's processes use: ns, bytes, tasks, and their bounds."""
    pids = kernel.pids
    return {
        "cpu_ns": sum(group.cpu_ns() for group in pids.groups.values()),
        "memory": kernel.resident_bytes(),
        "memory_limit": kernel.memory_bytes,
        "pids": len(pids.tasks),
        "pids_limit": pids.max_tasks,
    }
