"""Answers that the platform may give itself the next time: who a thread is, that a futex(2) need do nothing,
and that sched_yield(2) is the host's affair.

They hold until something changes them or somebody wants to see the calls; the kernel takes them back (`GuestThread.unlearn`)
where ids are set (sys_cred.py), a parent ends (task_exit.py), a filter or a tracer comes (seccomp/attach.py, trace_link.py),
or strace output is turned on (Kernel.set_trace). A program that is executed and a child begin with what kernel/identity.py
tells them, a new thread without any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


def futexes_known(t: Task) -> None:
    """The call asked for nothing, or to yield: the platform may answer the next ones of its kind, unless somebody watches."""
    if t.handlers is t.kernel.handlers and t.kernel.trace is None:
        t.thread.learn_futexes()


def known(t: Task, value: int) -> int:
    """The result of the call that `t` makes: the same next time, whatever the arguments, unless somebody watches."""
    if t.handlers is t.kernel.handlers and t.kernel.trace is None:
        t.thread.learn(t.nr, value)
    return value
