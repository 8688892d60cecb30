"""Which code is a call that can be patched, and where its thunk goes."""

from __future__ import annotations

import struct

import pytest

from sandbox.platform.lane import layout
from sandbox.platform.lane.patching import Patches
from sandbox.platform.lane.thunks import AREA_SIZE, PATCH_SIZE, Site, ThunkArea, find_site

RIP = 0x40_1008
GETPID = b"\xb8\x27\0\0\0\x0f\x05"
COMPARE = b"\x48\x3d\x01\xf0\xff\xff"


def area(base: int) -> ThunkArea:
    new = ThunkArea()
    new.close_fd()
    new.base = base
    return new


def cmp_site(start: int) -> Site:
    return Site(start, None, b"\x0f\x05" + COMPARE)


def target(site: Site) -> int:
    assert site.new[0] == 0xE9
    return site.start + PATCH_SIZE + int(struct.unpack("<i", site.new[1:])[0])


@pytest.mark.parametrize(
    ("code", "number", "start"),
    [
        (b"\x90" + GETPID + bytes(6), 39, RIP - 7),
        (b"\x90" + GETPID + COMPARE, 39, RIP - 7),  # both forms: the one that keeps the syscall instruction
        (b"\x90" + GETPID + bytes(6), 40, None),
        (b"\x41" + GETPID + bytes(6), 39, None),
        (b"\x41" + GETPID + COMPARE, 39, RIP - 2),
        (bytes(6) + b"\x0f\x05" + COMPARE, 0, RIP - 2),
        (bytes(6) + b"\x0f\x05\x48\x3d\x00\xf0\xff\xff", 0, RIP - 2),
        (bytes(6) + b"\x0f\x05\x48\x3d\x02\xf0\xff\xff", 0, None),
        (bytes(6) + b"\x0f\x34" + COMPARE, 0, None),  # sysenter
        (bytes(6) + b"\xcd\x80" + COMPARE, 0, None),  # int 0x80
    ],
)
def test_forms(code: bytes, number: int, start: int | None) -> None:
    site = find_site(code, RIP, number)
    assert (site.start if site is not None else None) == start
    if site is not None:
        assert site.visible == RIP and site.old == code[site.start - RIP + 8 :][:PATCH_SIZE]


@pytest.mark.parametrize("distance", [-(1 << 31) + AREA_SIZE, -AREA_SIZE, 4096, (1 << 31) - 2 * AREA_SIZE])
def test_a_jump_reaches_its_thunk(distance: int) -> None:
    for start in range(0x1_0000_0000, 0x1_0000_0000 + 200):
        site = Site(start, 39, GETPID)
        thunks = area(0x1_0000_0000 + distance & ~4095)
        assert thunks.place(site) and target(site) == site.thunk and thunks.holds(site.thunk)


@pytest.mark.parametrize("distance", [-(1 << 31) - 8192, (1 << 31) - 4096])
def test_what_is_too_far_away_has_no_thunk(distance: int) -> None:
    thunks = area(0x1_0000_0000 + distance)
    assert not thunks.place(Site(0x1_0000_0000, 39, GETPID)) and not thunks.place(cmp_site(0x1_0000_0000))


def test_the_byte_where_threads_return_is_no_instruction() -> None:
    """Wherever the site lies in its page; and where there is no room for that, there is no thunk."""
    for start in range(0x50_0000, 0x50_0000 + 4096):
        site = cmp_site(start)
        assert area(0x60_0000).place(site) and site.new[2] == 0x06 and target(site) == site.thunk
    thunks = area(0x60_0000)
    placed = [thunks.place(cmp_site(0x50_0000 + 8 * n)) for n in range(32)]
    assert 4 <= sum(placed) <= 9 and placed[0] and not placed[-1]


def test_the_same_site_has_the_same_thunk_and_no_other_gets_it() -> None:
    thunks = area(0x60_0000)
    sites = [Site(0x50_0000 + 16 * (n // 2), 39 + n % 2, GETPID) for n in range(1024)]
    assert all(thunks.place(site) for site in sites) and len({site.thunk for site in sites}) == 1024
    again = Site(0x50_0000, 39, GETPID)
    assert thunks.place(again) and again.thunk == sites[0].thunk
    assert not thunks.place(Site(0x51_0000, 1, GETPID))  # full


def test_what_a_thunk_is_made_of() -> None:
    thunks = area(0x60_0000)
    mov, cmp = Site(0x50_0000, 39, GETPID), cmp_site(0x50_0100)
    assert thunks.place(mov) and thunks.place(cmp)
    at = mov.thunk - thunks.base
    assert struct.unpack_from("<QQQQ", thunks.memory, at + 32) == (0x50_0007, 0x50_0007, 39, layout.ENTER_MOV)
    at = cmp.thunk - thunks.base
    assert struct.unpack_from("<QQQQ", thunks.memory, at + 32) == (
        0x50_0102,
        cmp.thunk + 16,
        cmp.thunk + 14,
        layout.ENTER_CMP,
    )
    assert thunks.memory[at + 14 : at + 22] == b"\x0f\x05" + COMPARE
    jump = thunks.memory[at + 22 : at + 27]
    assert jump[0] == 0xE9 and cmp.thunk + 27 + int(struct.unpack("<i", jump[1:])[0]) == 0x50_0108


def test_the_guest_sees_its_own_code() -> None:
    patches = Patches()
    patches.areas.append(area(0x60_0000))
    mov, cmp = Site(0x50_0000, 39, GETPID), cmp_site(0x50_0100)
    for site in (mov, cmp):
        assert patches.place(site)
        patches.add(site)
    assert {patches.shown(mov.thunk + n) for n in (0, 1, 4, 11)} == {0x50_0000}
    assert [patches.shown(cmp.thunk + n) for n in (0, 7, 14, 16, 22)] == [0x50_0100] * 3 + [0x50_0102, 0x50_0108]
    assert patches.shown(0x50_0003) == 0x50_0003 and patches.shown(0x60_0000 + 512) == 0x60_0000 + 512
    assert patches.aim(0x50_0102) == cmp.thunk + 16 and patches.aim(0x50_0002) == 0x50_0002
    assert patches.within(0x50_0004, 0x50_0005) == [mov] and patches.within(0x50_0008, 0x50_0100) == []
    child = patches.copy()
    patches.remove(cmp)
    assert child.aim(0x50_0102) == cmp.thunk + 16 and patches.aim(0x50_0102) == 0x50_0102
    patches.lost.append(patches.areas.pop())  # something else may lie there now
    assert patches.shown(cmp.thunk) == cmp.thunk and patches.site(cmp.thunk, patches.lost) is cmp
