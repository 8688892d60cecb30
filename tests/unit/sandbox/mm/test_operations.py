"""Operations against a host that is a table of pages: the areas always describe it, whatever fails."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.abi.linux import mman
from sandbox.abi.linux.mman import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_GROWSDOWN,
    MAP_LOCKED,
    MAP_NORESERVE,
    MAP_PRIVATE,
    MAP_SHARED,
    MREMAP_DONTUNMAP,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    VM_ACCOUNT,
)
from sandbox.errors import SyscallError
from sandbox.kernel.control import Assumed, Execute
from sandbox.kernel.rlimits import RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK, RLIMIT_STACK
from sandbox.mm import op_advise, op_lock, op_map, op_remap, op_unmap
from sandbox.mm.anonymous import SharedAnonymous
from sandbox.platform.base import FREE_FILES, NOT_FREE
from tests.unit.sandbox.mm.host import PAGE, TASK_SIZE, FakeFile, Guest

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

ANON = MAP_PRIVATE | MAP_ANONYMOUS
BASE = 0x10_0000_0000
WINDOW = 24  # pages that the random operations fight for


def mmap(g: Guest, addr: int, pages: int, prot: int = 3, flags: int = ANON, file: Any = None, offset: int = 0) -> int:
    return g.call(op_map.mmap, g.task, g.mm, addr, pages * PAGE, prot, flags, file, offset)


page = st.integers(0, WINDOW - 1)
few = st.integers(1, 8)
prot = st.sampled_from([0, 1, 3, 5])
command = st.one_of(
    st.tuples(
        st.just("mmap"),
        page,
        few,
        prot,
        st.sampled_from(["anon", "shared", "file", "file-shared", "host", "host-shared", "noreserve"]),
    ),
    st.tuples(st.just("munmap"), page, few),
    st.tuples(st.just("mprotect"), page, few, prot),
    st.tuples(st.just("mremap"), page, few, few, st.sampled_from([0, 1, 3, 5, 7]), page),
    st.tuples(st.just("madvise"), page, few, st.sampled_from([4, 10, 11, 14, 15, 16, 17])),
    st.tuples(st.just("mlock"), page, few),
    st.tuples(st.just("munlock"), page, few),
    st.tuples(st.just("brk"), st.integers(-3, 9)),
    st.tuples(st.just("fail"), st.integers(0, 2)),
    st.tuples(st.just("fork")),
)


class Machine:
    def __init__(self) -> None:
        self.g = Guest()
        self.g.mm.start_brk = self.g.mm.brk = BASE + WINDOW * PAGE * 2
        self.file = FakeFile(7)
        self.hosts = FakeFile(8)
        self.hosts.the_backing.keepable = self.hosts
        self.children: list[Any] = []

    def run(self, op: tuple[Any, ...]) -> None:
        g, mm, t = self.g, self.g.mm, self.g.task
        name, args = op[0], op[1:]
        at = BASE + args[0] * PAGE if args and name not in ("brk", "fail") else 0
        if name == "mmap":
            kind = args[3]
            flags = {"anon": ANON, "shared": MAP_SHARED | MAP_ANONYMOUS, "noreserve": ANON | MAP_NORESERVE}.get(
                kind, MAP_SHARED if kind.endswith("-shared") else MAP_PRIVATE
            )
            file = self.file if kind.startswith("file") else self.hosts if kind.startswith("host") else None
            mmap(g, at, args[1], args[2], flags | MAP_FIXED, file, args[0] * PAGE if file else 0)
        elif name == "munmap":
            g.call(op_unmap.munmap, mm, at, args[1] * PAGE)
        elif name == "mprotect":
            g.call(op_unmap.mprotect, t, mm, at, args[1] * PAGE, args[2])
        elif name == "mremap":
            g.call(op_remap.mremap, t, mm, at, args[1] * PAGE, args[2] * PAGE, args[3], BASE + args[4] * PAGE)
        elif name == "madvise":
            g.call(op_advise.madvise, mm, at, args[1] * PAGE, args[2])
        elif name == "mlock":
            g.call(op_lock.mlock, t, mm, at, args[1] * PAGE, False)
        elif name == "munlock":
            g.call(op_lock.munlock, mm, at, args[1] * PAGE)
        elif name == "brk":
            g.call(op_map.brk, t, mm, mm.brk + args[0] * 1111)
        elif name == "fail":
            g.host.fail_after = args[0]
        else:
            self.children.append(mm.fork())


@given(st.lists(command, max_size=30))
@settings(max_examples=300)
def test_areas_describe_the_host(ops: list[tuple[Any, ...]]) -> None:
    m = Machine()
    for op in ops:
        m.run(op)
        m.g.check()
    shared = {a.backing for a in m.g.mm.areas if isinstance(a.backing, SharedAnonymous)}
    for child in m.children:
        shared |= {a.backing for a in child.areas if isinstance(a.backing, SharedAnonymous)}
    spaces = [m.g.mm, *m.children]
    private = sum((a.end - a.start) >> 12 for mm in spaces for a in mm.areas if a.flags & VM_ACCOUNT)
    assert m.g.account.used == private + sum(b.size >> 12 for b in shared)
    for mm in spaces:
        mm.drop()
    assert m.g.account.used == 0
    assert m.file.the_backing.refs == m.hosts.the_backing.refs == 0
    assert all(b._fd < 0 for b in shared)


def test_a_hint_is_taken_when_it_is_free() -> None:
    g = Guest()
    assert mmap(g, BASE, 2) == BASE
    assert mmap(g, BASE, 2) not in (BASE, BASE + PAGE)
    assert mmap(g, BASE + 1, 1, flags=ANON | MAP_FIXED) == -errno.EINVAL
    assert mmap(g, BASE, 1, flags=ANON | MAP_FIXED_NOREPLACE) == -errno.EEXIST
    assert mmap(g, BASE, 1, 1, ANON | MAP_FIXED) == BASE
    g.check()


def test_top_down_and_joined() -> None:
    g = Guest()
    first = mmap(g, 0, 1)
    assert first == g.mm.mmap_base - PAGE
    assert mmap(g, 0, 3) == first - 3 * PAGE
    assert len(g.mm.areas) == 1


def test_whole_huge_pages_are_aligned() -> None:
    g = Guest()
    mmap(g, 0, 1)
    assert mmap(g, 0, 1024) % (2 << 20) == 0


@pytest.mark.parametrize("address", [TASK_SIZE, TASK_SIZE - PAGE, TASK_SIZE + PAGE, 1 << 63, (1 << 64) - PAGE])
def test_nothing_reaches_the_stub(address: int) -> None:
    """No request whose range touches [task_size, …) leads to an order (HostProcess.range asserts it too)."""
    g = Guest()
    mmap(g, BASE, 2)
    g.host.orders.clear()
    assert mmap(g, address, 2, flags=ANON | MAP_FIXED) == -errno.ENOMEM
    assert mmap(g, address, 2, flags=ANON | MAP_FIXED_NOREPLACE) == -errno.ENOMEM
    assert g.call(op_unmap.munmap, g.mm, address, 2 * PAGE) == -errno.EINVAL
    assert g.call(op_unmap.mprotect, g.task, g.mm, address, 2 * PAGE, 1) == -errno.ENOMEM
    fixed = MREMAP_MAYMOVE | MREMAP_FIXED
    assert g.call(op_remap.mremap, g.task, g.mm, BASE, 2 * PAGE, 2 * PAGE, fixed, address) == -errno.EINVAL
    assert g.call(op_remap.mremap, g.task, g.mm, address, PAGE, 2 * PAGE, fixed, BASE) == -errno.EFAULT
    for flags in (fixed, fixed | MREMAP_DONTUNMAP, MREMAP_MAYMOVE, 0):
        for length in (PAGE, 2 * PAGE, address, address + PAGE):
            before = {a.start for a in g.mm.areas}
            got = g.call(op_remap.mremap, g.task, g.mm, BASE, address + PAGE, length, flags, BASE + 16 * PAGE)
            assert got in (-errno.EINVAL, -errno.EFAULT, -errno.ENOMEM, BASE)
            assert {a.start for a in g.mm.areas} == before
    assert g.call(op_advise.madvise, g.mm, address, 2 * PAGE, mman.MADV_DONTNEED) in (-errno.ENOMEM, -errno.EINVAL)
    assert g.call(op_advise.mincore, g.mm, BASE, 2 * PAGE, address + PAGE) == -errno.EFAULT
    assert g.call(op_lock.mlock, g.task, g.mm, address, 2 * PAGE, False) in (-errno.ENOMEM, -errno.EINVAL)
    assert g.call(op_advise.msync, g.mm, address, 2 * PAGE, mman.MS_SYNC) == -errno.ENOMEM
    assert g.host.orders == []


def test_a_range_over_everything_ends_at_the_last_area() -> None:
    g = Guest()
    mmap(g, BASE, 2)
    assert g.call(op_unmap.mprotect, g.task, g.mm, BASE, (1 << 64) - BASE - PAGE, 1) == -errno.ENOMEM
    assert g.call(op_advise.madvise, g.mm, BASE, (1 << 62), mman.MADV_DONTNEED) == -errno.ENOMEM
    g.check()
    assert g.host.pages[BASE // PAGE][0] == 1


def test_low_addresses_are_refused() -> None:
    g = Guest()
    assert mmap(g, 0, 1, flags=ANON | MAP_FIXED) == -errno.EPERM
    assert mmap(g, PAGE, 1) >= 65536


def test_limits() -> None:
    g = Guest(memory_bytes=64 * PAGE)
    g.limits.soft[RLIMIT_AS] = 40 * PAGE
    assert mmap(g, 0, 41) == -errno.ENOMEM
    assert mmap(g, 0, 30) > 0
    assert mmap(g, 0, 11) == -errno.ENOMEM
    g.limits.soft[RLIMIT_AS] = 1 << 40
    g.limits.soft[RLIMIT_DATA] = 31 * PAGE
    assert mmap(g, 0, 2) == -errno.ENOMEM
    assert mmap(g, 0, 2, 1) > 0
    g.limits.soft[RLIMIT_DATA] = 1 << 40
    assert mmap(g, 0, 65) == -errno.ENOMEM  # no memory could hold it
    assert mmap(g, 0, 1 << 20, flags=ANON | MAP_NORESERVE) > 0
    assert mmap(g, 0, 65, 0) > 0
    assert g.account.used == 30
    for _ in range(7):
        assert mmap(g, 0, 64) > 0
    assert mmap(g, 0, 64) == -errno.ENOMEM  # promised too often


def test_a_fork_is_charged() -> None:
    g = Guest(memory_bytes=64 * PAGE)
    mmap(g, 0, 60)
    children = [g.mm.fork() for _ in range(7)]
    with pytest.raises(SyscallError, match="ENOMEM"):
        g.mm.fork()
    for child in children:
        child.drop()
    assert g.account.used == 60


def test_what_becomes_writable_is_charged() -> None:
    g = Guest()
    start = mmap(g, 0, 10, 1)
    assert g.account.used == 0
    assert g.call(op_unmap.mprotect, g.task, g.mm, start + PAGE, 3 * PAGE, 3) == 0
    assert g.account.used == 3
    assert g.call(op_unmap.mprotect, g.task, g.mm, start, 10 * PAGE, 3) == 0
    assert g.account.used == 10
    assert g.call(op_unmap.mprotect, g.task, g.mm, start, 10 * PAGE, 1) == 0
    assert g.account.used == 10
    g.call(op_unmap.munmap, g.mm, start, 10 * PAGE)
    assert g.account.used == 0


def test_a_mapping_of_a_file_that_is_not_writable_stays_so() -> None:
    g = Guest()
    readonly = FakeFile(5, 0)
    start = mmap(g, 0, 2, 1, MAP_SHARED, readonly)
    assert start > 0
    assert g.call(op_unmap.mprotect, g.task, g.mm, start, 2 * PAGE, 3) == -errno.EACCES
    assert mmap(g, 0, 2, 3, MAP_SHARED, readonly) == -errno.EACCES
    assert mmap(g, 0, 2, 1, MAP_SHARED, FakeFile(6, 1)) == -errno.EACCES
    assert mmap(g, 0, 2, 1, 0, readonly) == -errno.EINVAL
    assert mmap(g, 0, 2, 1, MAP_PRIVATE, readonly, (1 << 63)) == -errno.EOVERFLOW
    g.check()


def test_a_failed_replacement_leaves_a_hole() -> None:
    """The host may have unmapped what was there: it is unmapped for good, so that areas and host agree."""
    g = Guest()
    mmap(g, BASE, 3)
    g.host.fail_after = 0
    assert mmap(g, BASE + PAGE, 1, flags=ANON | MAP_FIXED) == -errno.ENOMEM
    g.check()
    assert [a.start for a in g.mm.areas] == [BASE, BASE + 2 * PAGE]
    assert g.account.used == 2


def test_a_file_that_may_not_be_mapped_executable_is_copied(tmp_path: Any) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"0" * PAGE + b"text" * 1024)
    g = Guest()
    with path.open("rb") as host_file:
        file = FakeFile(host_file.fileno())
        g.host.fail_after, g.host.error = 0, -errno.EPERM
        start = mmap(g, 0, 1, 5, MAP_PRIVATE, file, PAGE)
        assert start > 0
        first, second = g.host.orders
        assert (first.host_fd, first.args[5]) == (host_file.fileno(), PAGE)
        assert second.host_fd not in (-1, first.host_fd)
        assert second.args[5] == 0
        assert g.mm.areas.find(start).backing is file.the_backing  # type: ignore[union-attr]
        g.host.fail_after, g.host.error = 0, -errno.EPERM
        assert mmap(g, 0, 1, 1, MAP_PRIVATE, file, PAGE) == -errno.EPERM  # not executable: no second try


def test_growth() -> None:
    g = Guest()
    g.limits.soft[RLIMIT_STACK] = 64 * PAGE
    top = BASE + (1 << 20) * 16
    mmap(g, top - 4 * PAGE, 4, flags=ANON | MAP_GROWSDOWN | MAP_FIXED)
    fault = top - 10 * PAGE
    growth = op_unmap.grow(g.task, g.mm, fault + 123)
    assert growth is not None
    assert g.call(lambda: growth) == 0
    g.check()
    assert g.mm.areas.find(fault) is not None
    assert len(g.mm.areas) == 1
    assert op_unmap.grow(g.task, g.mm, top - 65 * PAGE) is None  # beyond RLIMIT_STACK
    below = top - 60 * PAGE
    mmap(g, below - (256 + 3) * PAGE, 1, flags=ANON | MAP_FIXED)
    assert op_unmap.grow(g.task, g.mm, below - 4 * PAGE) is None
    assert op_unmap.grow(g.task, g.mm, top - 12 * PAGE) is not None


def test_mlock_is_held_to_the_limit() -> None:
    g = Guest()
    g.limits.soft[RLIMIT_MEMLOCK] = 4 * PAGE
    start = mmap(g, 0, 10)
    assert g.call(op_lock.mlock, g.task, g.mm, start, 5 * PAGE, False) == -errno.ENOMEM
    assert g.call(op_lock.mlock, g.task, g.mm, start + 1, 4 * PAGE - 1, False) == 0
    assert g.mm.locked_pages == 4
    assert g.call(op_lock.mlock, g.task, g.mm, start, 4 * PAGE, True) == 0  # locked already
    assert mmap(g, 0, 1, flags=ANON | MAP_LOCKED) == -errno.EAGAIN
    assert g.call(op_advise.madvise, g.mm, start, PAGE, mman.MADV_DONTNEED) == -errno.EINVAL
    assert g.call(op_lock.munlock, g.mm, start, 10 * PAGE) == 0
    assert g.mm.locked_pages == 0
    g.limits.soft[RLIMIT_MEMLOCK] = 0
    assert g.call(op_lock.mlock, g.task, g.mm, start, PAGE, False) == -errno.EPERM
    assert g.call(op_lock.mlockall, g.task, g.mm, mman.MCL_CURRENT) == -errno.EPERM


def test_mremap_duplicates_a_shared_mapping() -> None:
    g = Guest()
    start = mmap(g, 0, 2, flags=MAP_SHARED | MAP_ANONYMOUS)
    copy = g.call(op_remap.mremap, g.task, g.mm, start, 0, 2 * PAGE, MREMAP_MAYMOVE, 0)
    assert copy > 0 and copy != start
    assert g.mm.futex_key(start + 8) == g.mm.futex_key(copy + 8)
    private = mmap(g, 0, 2)
    assert g.call(op_remap.mremap, g.task, g.mm, private, 0, PAGE, MREMAP_MAYMOVE, 0) == -errno.EINVAL
    kept = g.call(op_remap.mremap, g.task, g.mm, private, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0)
    assert kept > 0
    assert g.mm.areas.find(private) is not None
    assert g.account.used == 5
    g.check()


def test_futex_keys() -> None:
    g = Guest()
    private, shared = mmap(g, 0, 1), mmap(g, 0, 1, flags=MAP_SHARED | MAP_ANONYMOUS)
    child = g.mm.fork()
    assert child.futex_key(shared) == g.mm.futex_key(shared)
    assert child.futex_key(private) != g.mm.futex_key(private)
    with pytest.raises(SyscallError, match="EFAULT"):
        g.mm.futex_key(4096)
    file = FakeFile(3)
    a, b = mmap(g, 0, 4, 3, MAP_SHARED, file), mmap(g, 0, 1, 3, MAP_SHARED, file, 2 * PAGE)
    assert g.mm.futex_key(a + 2 * PAGE + 4) == g.mm.futex_key(b + 4)


@pytest.mark.parametrize("users", [1, 2])
def test_what_is_not_waited_for(users: int) -> None:
    """Where others use the memory only emptying: they could meet what was said to be mapped, or gone."""
    g = Guest()
    address = g.call(op_map.mmap, g.task, g.mm, 0, 4 * PAGE, 3, 0x22, None, 0)
    g.mm.users = users
    emptied = op_advise.madvise(g.mm, address, PAGE, mman.MADV_DONTNEED)
    assert isinstance(emptied, Assumed) and emptied.value == 0 and not g.mm.busy
    unmapped = op_unmap.munmap(g.mm, address, PAGE)
    assert isinstance(unmapped, Assumed if users == 1 else Execute) and g.mm.busy == (users == 2)


@pytest.mark.parametrize(("flags", "opened", "hosts", "free"), [
    (MAP_PRIVATE, 2, True, FREE_FILES), (MAP_SHARED, 0, True, FREE_FILES),
    (MAP_SHARED, 2, True, NOT_FREE), (MAP_PRIVATE, 2, False, NOT_FREE),
])  # fmt: skip
def test_whether_a_file_is_seen_to_be_unmapped(flags: int, opened: int, hosts: bool, free: int) -> None:
    """Not where it takes none of the sandbox's memory and cannot be written to through the mapping."""
    g = Guest()
    file = FakeFile(7, opened)
    if hosts:
        file.the_backing.keepable = file
    address = mmap(g, 0, 4, 1, flags, file)
    mmap(g, address + 4 * PAGE, 1, 1, ANON | MAP_FIXED)
    assert g.mm.freedom(address, address + 5 * PAGE) == free
    assert isinstance(op_unmap.munmap(g.mm, address, 5 * PAGE), Assumed if free else Execute)


def test_a_file_that_the_host_does_not_unmap_is_still_there() -> None:
    g = Guest()
    file = FakeFile(7)
    file.the_backing.keepable = file
    address = mmap(g, 0, 4, 1, MAP_PRIVATE, file)
    g.host.fail_after = 0
    assert g.call(op_unmap.munmap, g.mm, address + PAGE, PAGE) == -errno.ENOMEM
    g.check()
    assert file.the_backing.refs == len(list(g.mm.areas)) == 1
    g.mm.drop()
    assert file.the_backing.refs == 0
