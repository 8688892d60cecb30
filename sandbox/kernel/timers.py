"""All timers of a process, when it ends or executes another program."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.kernel.thread_group import ThreadGroup


def cancel_group_timers(group: ThreadGroup) -> None:
    """exit: interval timers and POSIX timers."""
    for timer in (group.real_timer, group.virtual_timer, group.prof_timer):
        if timer is not None:
            timer.close()
    if group.cpu_limit is not None:
        group.cpu_limit.close()
    delete_posix_timers(group)


def delete_posix_timers(group: ThreadGroup) -> None:
    """execve: POSIX timers are not inherited (timer_create(2))."""
    for timer in list(group.posix_timers.values()):
        timer.delete()
    group.posix_timers.clear()
