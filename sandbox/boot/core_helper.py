"""The program of kernel.core_pattern, which reads a core (core(5), "Piping core dumps to a program").

It belongs to the container of the process that left the core, is root there and may what the container's first process may: its
capabilities are bounded by the same set, and the same seccomp filters look at its calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from sandbox.boot.first_program import ProgramStart
from sandbox.boot.options import Program
from sandbox.kernel.rlimits import RLIMIT_CORE

if TYPE_CHECKING:
    from sandbox.boot.start_failure import StartFailure
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription


def start_helper(t: Task, words: list[bytes], read_end: FileDescription, done: Callable[[bool], None]) -> None:
    """Start it, in the root directory, with no environment and one descriptor; `done` with whether it runs. A core of its own
    would only call for another: its RLIMIT_CORE is 1."""
    first = t.group.view.first
    if first is None or not first.tasks:
        done(False)
        return
    like = first.leader
    program = Program(words, ())
    program.search = False
    program.rlimits = {RLIMIT_CORE: (1, 1)}
    bounding = like.creds.bounding
    program.capability_sets = (bounding, bounding, 0, bounding, 0)
    program.no_new_privs = like.no_new_privs

    def running(start: ProgramStart) -> None:
        task = start.group.leader if start.group is not None else None
        if task is not None and like.seccomp_mode:
            task.seccomp_mode = like.seccomp_mode
            task.use_table(like.table() if like.ptrace is None else like.ptrace.below)
            if like.seccomp is not None:
                task.seccomp = like.seccomp.acquire()
        done(True)

    def failed(failure: StartFailure) -> None:
        t.kernel.log.debug(f"core_pattern: {failure}")
        done(False)

    start = ProgramStart(t.kernel, program, failed, running)
    start.view = t.group.view
    start.input = read_end
    start.begin()
