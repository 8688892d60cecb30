"""The system-call table: whole, and every family is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

import sandbox.syscalls.linux
from sandbox.abi.linux.syscall_names import SYSCALL_NAMES
from sandbox.syscalls import late
from sandbox.syscalls.linux import late_table
from sandbox.syscalls.linux.table_amd64 import MODULES, ROWS, handlers
from sandbox.syscalls.row import Support
from tools.late_table import page

from .box import Box


def test_a_row_for_every_number() -> None:
    assert [row.number for row in ROWS] == list(range(len(SYSCALL_NAMES)))
    assert [row.name for row in ROWS] == list(SYSCALL_NAMES)
    assert len(handlers()) == len(ROWS)


def test_every_family_is_there() -> None:
    folder = Path(sandbox.syscalls.linux.__file__).parent
    files = [path for path in folder.glob("sys_*.py") if "\nROWS: Final" in path.read_text()]
    assert len(files) == len(MODULES)


def test_what_is_not_whole_says_why() -> None:
    assert not [row.name for row in ROWS if row.support != Support.FULL and not row.note]


@pytest.mark.interpreted  # the page is made by asking handlers for nobody
def test_what_a_start_knows_of_it() -> None:
    path = Path(__file__).parents[4] / "sandbox/syscalls/linux/late_table.py"
    assert path.read_text(encoding="utf-8") == page(), f"python -m tools.late_table >{path}"


def test_the_first_call_of_a_family_brings_its_handlers() -> None:
    box = Box()
    whole, table = handlers(), late.handlers()
    box.kernel.handlers[:] = table
    for family, numbers in late_table.FAMILIES.items():
        assert not {id(box.kernel.handlers[n]) for n in numbers} & {id(handler) for handler in whole}
        late.bring(box.kernel.handlers, family)
        assert [box.kernel.handlers[n] for n in numbers] == [whole[n] for n in numbers]
    left = set(range(late_table.COUNT)).difference(*late_table.FAMILIES.values())
    for n in left:
        assert table[n](box.init, box.init.args) == whole[n](box.init, box.init.args) != 0


def test_a_late_call_is_made() -> None:
    box = Box()
    box.kernel.handlers[:] = late.handlers()
    getpid = box.kernel.handlers[39]
    assert getpid(box.init, box.init.args) == 1
    assert box.kernel.handlers[39] is handlers()[39] is not getpid
    assert getpid(box.init, box.init.args) == 1  # whoever kept it
