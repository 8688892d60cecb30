"""What a platform may replace in guest code, and where its own goes."""

from __future__ import annotations

import pytest

from sandbox.abi.linux.mman import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED
from sandbox.mm import op_code, op_map
from sandbox.mm.op_code import PlatformCode
from tests.unit.sandbox.mm.host import PAGE, FakeFile, Guest

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

TEXT = 0x7000_0000_0000
SIZE = 65536


def guest(prot: int = 5, flags: int = MAP_PRIVATE, file: bool = True, at: int = TEXT) -> Guest:
    g = Guest()
    flags |= MAP_FIXED | (0 if file else MAP_ANONYMOUS)
    g.call(op_map.mmap, g.task, g.mm, at, 2 * PAGE, prot, flags, FakeFile(7) if file else None, 0)
    return g


@pytest.mark.parametrize(
    ("prot", "flags", "file", "may"),
    [
        (5, MAP_PRIVATE, True, True),
        (7, MAP_PRIVATE, True, False),
        (1, MAP_PRIVATE, True, False),
        (4, MAP_PRIVATE, True, False),
        (5, MAP_SHARED, True, False),
        (5, MAP_PRIVATE, False, False),
    ],
)
def test_what_may_be_replaced(prot: int, flags: int, file: bool, may: bool) -> None:
    mm = guest(prot, flags, file).mm
    assert op_code.patchable(mm, TEXT + 8, TEXT + 16) is may
    assert not op_code.patchable(mm, TEXT + 2 * PAGE - 4, TEXT + 2 * PAGE + 4)
    assert not op_code.patchable(mm, TEXT - 4, TEXT + 4)
    mm.busy = True
    assert not op_code.patchable(mm, TEXT + 8, TEXT + 16)


@pytest.mark.parametrize("near", [0x40_0000, 0x5555_5555_0000, TEXT])
def test_it_lies_where_a_jump_gets_to_and_out_of_the_way(near: int) -> None:
    mm = guest(at=near).mm
    operation = op_code.map_code(mm, near, -1, SIZE)
    assert operation is not None
    start, size, prot, flags = operation.orders[0].args[:4]
    assert abs(start - near) < (1 << 31) - SIZE and (size, prot, flags) == (SIZE, 5, 0x10_0001)
    assert mm.areas.fits(start - (1 << 24), 1 << 25) and start % PAGE == 0


def test_where_little_is_free_it_takes_what_there_is() -> None:
    g = guest()
    mm = g.mm
    for start, end in ((TEXT - (1 << 32), TEXT - SIZE), (TEXT + 2 * PAGE, TEXT + (1 << 32))):
        g.call(op_map.mmap, g.task, mm, start, end - start, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, None, 0)
    operation = op_code.map_code(mm, TEXT, -1, SIZE)
    assert operation is not None and operation.orders[0].args[0] == TEXT - SIZE
    operation.execute()
    assert operation.finish(g.task, 0, TEXT - SIZE) == TEXT - SIZE and not mm.busy
    area = mm.areas.find(TEXT - 1)
    assert area is not None and type(area.backing) is PlatformCode
    assert op_code.map_code(mm, TEXT, -1, SIZE) is None


def test_a_host_that_refuses_leaves_nothing() -> None:
    g = guest()
    operation = op_code.map_code(g.mm, TEXT, 7, SIZE)
    assert operation is not None
    operation.execute()
    before = len(g.mm.areas)
    result = operation.finish(g.task, 0, -17)
    assert result == -17 and len(g.mm.areas) == before and not g.mm.busy
