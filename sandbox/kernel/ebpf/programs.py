"""Programs that bpf(2) has loaded (kernel/bpf/syscall.c: bpf_prog_load). They live as long as somebody has them open or a control
group has them attached."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.errors import SyscallError

MOST_INSTRUCTIONS: Final = 1 << 18  # of all programs together: two megabytes
MOST_PROGRAMS: Final = 1 << 14


class Programs:
    """All that are loaded, by id; ids are not given twice."""

    __slots__ = ("by_id", "last", "instructions")

    def __init__(self) -> None:
        self.by_id: dict[int, Program] = {}
        self.last = 0
        self.instructions = 0

    def load(self, kind: int, code: bytes, name: bytes, uid: int, now_ns: int) -> Program:
        """One that was verified; nobody has it yet. ENOMEM where there are too many."""
        if self.instructions + len(code) // 8 > MOST_INSTRUCTIONS or len(self.by_id) >= MOST_PROGRAMS:
            raise SyscallError(errno.ENOMEM)
        self.last += 1
        program = Program(self, self.last, kind, code, name, uid, now_ns)
        self.by_id[program.id] = program
        self.instructions += len(code) // 8
        return program

    def after(self, number: int) -> int:
        """The next id; ENOENT (bpf_obj_get_next_id)."""
        later = [one for one in self.by_id if one > number]
        if not later:
            raise SyscallError(errno.ENOENT)
        return min(later)

    def get(self, number: int) -> Program:
        """ENOENT."""
        program = self.by_id.get(number)
        if program is None:
            raise SyscallError(errno.ENOENT)
        return program


class Program:
    """`kind`: BPF_PROG_TYPE_*. `code`: eight bytes an instruction. `users` are descriptions and control groups."""

    __slots__ = ("programs", "id", "kind", "code", "name", "uid", "loaded_ns", "users")

    def __init__(
        self, programs: Programs, number: int, kind: int, code: bytes, name: bytes, uid: int, now_ns: int
    ) -> None:
        self.programs = programs
        self.id = number
        self.kind = kind
        self.code = code
        self.name = name
        self.uid = uid
        self.loaded_ns = now_ns
        self.users = 0

    def keep(self) -> None:
        """One more has it."""
        self.users += 1

    def drop(self) -> None:
        """One less; the last takes it along."""
        self.users -= 1
        if not self.users:
            del self.programs.by_id[self.id]
            self.programs.instructions -= len(self.code) // 8

    def tag(self) -> bytes:
        """What is the same for the same code (bpf_prog_calc_tag)."""
        import hashlib

        return hashlib.sha1(self.code).digest()[:8]
