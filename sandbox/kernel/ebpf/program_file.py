"""Descriptors of programs that bpf(2) has loaded."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.fcntl import O_RDWR
from sandbox.errors import SyscallError
from sandbox.vfs.anon import AnonFile

if TYPE_CHECKING:
    from sandbox.kernel.ebpf.programs import Program
    from sandbox.kernel.task import Task


class ProgramFile(AnonFile):
    """A descriptor of one."""

    def __init__(self, program: Program) -> None:
        super().__init__(O_RDWR)
        self.program = program
        program.keep()

    def release(self) -> None:
        self.program.drop()

    def link_text(self) -> str:
        return "anon_inode:bpf-prog"

    def fdinfo(self) -> str:
        program = self.program
        return (
            f"prog_type:\t{program.kind}\nprog_jited:\t0\nprog_tag:\t{program.tag().hex()}\n"
            f"memlock:\t4096\nprog_id:\t{program.id}\nrun_time_ns:\t0\nrun_cnt:\t0\nrecursion_misses:\t0\n"
            f"verified_insns:\t{len(program.code) // 8}\n"
        )


def program_of(t: Task, fd: int) -> Program:
    """EBADF for no descriptor, EINVAL for another one (____bpf_prog_get)."""
    file = t.fds.get(fd)
    if not isinstance(file, ProgramFile):
        raise SyscallError(errno.EINVAL)
    return file.program
