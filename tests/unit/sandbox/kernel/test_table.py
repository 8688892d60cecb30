"""The system-call table: whole, and every family is in it."""

from __future__ import annotations

from pathlib import Path

import sandbox.syscalls.linux
from sandbox.abi.linux.syscall_names import SYSCALL_NAMES
from sandbox.syscalls.linux.table_amd64 import _FAMILIES, ROWS, handlers
from sandbox.syscalls.row import Support


def test_a_row_for_every_number() -> None:
    assert [row.number for row in ROWS] == list(range(len(SYSCALL_NAMES)))
    assert [row.name for row in ROWS] == list(SYSCALL_NAMES)
    assert len(handlers()) == len(ROWS)


def test_every_family_is_there() -> None:
    folder = Path(sandbox.syscalls.linux.__file__).parent
    files = [path for path in folder.glob("sys_*.py") if "\nROWS: Final" in path.read_text()]
    assert len(files) == len(_FAMILIES)


def test_what_is_not_whole_says_why() -> None:
    assert not [row.name for row in ROWS if row.support is not Support.FULL and not row.note]
