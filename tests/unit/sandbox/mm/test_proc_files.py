"""maps, smaps, statm and the Vm* lines."""

from __future__ import annotations

import pytest

from sandbox.abi.linux.mman import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED
from sandbox.mm import op_map, proc_maps, smaps
from sandbox.mm.vma import VMA
from sandbox.platform.base import MemoryUse
from tests.unit.sandbox.mm.host import PAGE, FakeFile, Guest

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

BASE = 0x5555_0000_0000


def guest() -> Guest:
    g = Guest()
    for at, prot, flags, file in (
        (0, 5, MAP_PRIVATE, FakeFile(3)),
        (4, 3, MAP_PRIVATE | MAP_ANONYMOUS, None),
        (8, 3, MAP_SHARED | MAP_ANONYMOUS, None),
    ):
        address = BASE + at * PAGE
        assert g.call(op_map.mmap, g.task, g.mm, address, 2 * PAGE, prot, flags | MAP_FIXED, file, 0) == address
    g.mm.start_brk, g.mm.brk = BASE + 4 * PAGE, BASE + 6 * PAGE
    g.mm.start_code, g.mm.end_code = BASE, BASE + 5000
    return g


def test_maps() -> None:
    lines = b"".join(proc_maps.maps(guest().mm, 0)).decode().splitlines()
    assert lines[0] == "555500000000-555500002000 r-xp 00000000 08:01 3".ljust(73) + "/file3"
    assert lines[1] == "555500004000-555500006000 rw-p 00000000 00:00 0".ljust(73) + "[heap]"
    assert lines[2].startswith("555500008000-55550000a000 rw-s 00000000 00:01 ")
    assert lines[2].endswith(" /dev/zero (deleted)")


def test_a_newline_in_a_name_does_not_make_a_line() -> None:
    g = guest()
    backing = next(iter(g.mm.areas)).backing
    assert backing is not None
    backing.name = "/tmp/a\n00400000-00500000 rwxp fake"
    assert len(b"".join(proc_maps.maps(g.mm, 0)).splitlines()) == 3


def test_the_vdso_is_shown() -> None:
    assert b"[vdso]" in b"".join(proc_maps.maps(guest().mm, 0x7FFF_F7FF_D000))


def test_smaps() -> None:
    """Records of the host are summed up by area; those of the platform's own memory are left out."""
    host = (
        b"555500004000-555500005000 rw-p 00000000 00:00 0 \nSize: 4 kB\nRss:   4 kB\nPss:  2 kB\nVmFlags: rd wr\n"
        b"555500005000-555500006000 rw-p 00000000 00:00 0 \nRss:   3 kB\nPss:  1 kB\n"
        b"7fff00000000-7fff00001000 r-xp 00000000 00:00 0 \nRss: 100 kB\nPss: 100 kB\n"
    )
    text = b"".join(smaps.smaps(guest().mm, host)).decode()
    rss = [int(line.split()[1]) for line in text.splitlines() if line.startswith("Rss:")]
    assert rss == [0, 7, 0]
    assert text.count("VmFlags: rd wr mr mw me ac ") == 1
    rollup = smaps.smaps_rollup(guest().mm, host).decode()
    assert "Rss:                   7 kB\nPss:                   3 kB\n" in rollup
    assert b"".join(smaps.smaps(guest().mm, b"")).count(b"VmFlags") == 3


def test_a_rollup_says_whose_memory_it_is() -> None:
    """Pages of its own, a share of what a fork left in common, a file's, and shared memory."""
    host = (
        b"555500000000-555500001000 r-xp 00000000 08:01 3 /file3\nRss:  12 kB\nPss:  6 kB\nAnonymous: 4 kB\n"
        b"555500004000-555500005000 rw-p 00000000 00:00 0 \nRss:  40 kB\nPss:  20 kB\nAnonymous: 40 kB\n"
        b"555500008000-555500009000 rw-s 00000000 00:01 3 /memfd:x (deleted)\nRss:  8 kB\nPss:  7 kB\n"
    )
    rollup = smaps.smaps_rollup(guest().mm, host).decode()
    names = [line.split(":")[0] for line in rollup.splitlines()[1:]]
    assert names[:7] == ["Rss", "Pss", "Pss_Dirty", "Pss_Anon", "Pss_File", "Pss_Shmem", "Shared_Clean"]
    assert "Pss_Anon:             24 kB\nPss_File:              2 kB\nPss_Shmem:             7 kB\n" in rollup


def test_statm_and_status() -> None:
    mm = guest().mm
    assert proc_maps.statm(mm, 3) == b"6 3 3 2 0 2 0\n"
    status = proc_maps.status_lines(mm, 3, 5, MemoryUse(9, 1, 1))
    assert "VmSize:\t      24 kB\n" in status
    assert "VmRSS:\t      12 kB\nRssAnon:\t       4 kB\nRssFile:\t       4 kB\nRssShmem:\t       4 kB\n" in status
    assert "VmData:\t       8 kB\n" in status


def test_files_about_thousands_of_areas_are_made_in_parts() -> None:
    """As far as somebody reads; what is mapped meanwhile is in the rest."""
    mm = guest().mm
    begin = 0x5000_0000
    for n in range(1000):
        mm.areas.insert(VMA(begin + n * 0x2000, begin + n * 0x2000 + 0x1000, 3 if n % 2 else 1))
    for make in (lambda: proc_maps.maps(mm, 0), lambda: smaps.smaps(mm, b"")):
        parts = make()
        first = next(parts)
        assert first.count(b"-") > 0 and first.count(b"\n5") < 100
        at = begin + 0x1000_0000 + len(mm.areas) * 0x2000
        mm.areas.insert(VMA(at, at + 0x1000, 3))
        assert b"%08x-" % at in b"".join(parts)
