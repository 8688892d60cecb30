"""Loading into a fake host process: what is mapped, what is written, and that nothing is kept after a failure."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import pytest

from sandbox.abi.linux.mman import NR_MPROTECT
from sandbox.arch.amd64 import EFLAGS, RIP, RSP
from sandbox.errors import SyscallError
from sandbox.kernel.credentials import Credentials
from sandbox.kernel.rlimits import ResourceLimits
from sandbox.loader.image import ExecImage, prepare
from sandbox.loader.load import LoadResult, load
from sandbox.loader.segments import FatalExecError
from sandbox.mm.commit import CommitAccount
from sandbox.platform.base import MemoryFault, Order
from tests.unit.sandbox.loader.make_elf import R, Segment, W, X, elf, words
from tests.unit.sandbox.mm.host import TASK_SIZE, FakeBacking, HostProcess

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

VDSO = 0x7FFF_F7FF_D000


class ProgramFile:
    def __init__(self, path: bytes, data: bytes) -> None:
        self.name, self.path = path, None
        self.data = data
        self.refs = 0
        self.the_backing = FakeBacking(os.memfd_create("program"))
        os.write(self.the_backing.fd, data)

    def acquire(self) -> None:
        self.refs += 1

    def drop(self) -> None:
        self.refs -= 1

    def pread(self, t: Any, dst: memoryview, offset: int) -> int:
        part = self.data[offset : offset + min(len(dst), 1000)]
        dst[: len(part)] = part
        return len(part)

    def backing_at(self, t: Any, shared: bool, prot: int, offset: int) -> FakeBacking:
        return self.the_backing

    def link_text(self) -> str:
        return self.name.decode()


class Space:
    """`written`: bytes by address."""

    def __init__(self, host: HostProcess) -> None:
        self.host = host
        self.written: dict[int, bytes] = {}
        self.title = b""

    def entitle(self, words: bytes) -> None:
        self.title = words

    def write(self, address: int, data: bytes) -> None:
        for n in range(address >> 12, address + len(data) + 4095 >> 12):
            if not self.host.pages.get(n, (0,))[0] & 2:
                raise MemoryFault(address)
        self.written[address] = bytes(data)


class Thread:
    def __init__(self) -> None:
        self.host = HostProcess()
        self.space = Space(self.host)
        self.rounds = 0

    def address_space(self) -> Space:
        return self.space

    def execute(self, orders: list[Order], done: Callable[[int, int], None]) -> None:
        self.rounds += 1
        done(*self.host.run(orders))


class World:
    def __init__(self, **files: bytes) -> None:
        self.files: dict[bytes, Any] = {name.encode(): ProgramFile(name.encode(), data) for name, data in files.items()}
        self.account = CommitAccount(1 << 30)
        kernel = SimpleNamespace(
            random=lambda n: bytes(range(n)),
            commit=self.account,
            task_size=TASK_SIZE,
            platform=SimpleNamespace(vdso_address=VDSO),
        )
        self.task: Any = SimpleNamespace(
            kernel=kernel,
            group=SimpleNamespace(rlimits=ResourceLimits()),
            creds=Credentials(1000, 100),
            personality=0,
            tsc_forbidden=False,
        )
        self.thread: Any = Thread()

    def open(self, t: Any, path: bytes) -> Any:
        if path not in self.files:
            raise SyscallError(errno.ENOENT)
        return self.files[path]

    def image(self, name: bytes, argv: list[bytes] | None = None) -> ExecImage:
        return ExecImage(self.open(None, name), name, argv or [name, b"arg"], [b"A=1"], self.open)

    def load(self, name: bytes, argv: list[bytes] | None = None) -> LoadResult | SyscallError:
        got: list[LoadResult | SyscallError] = []
        image = self.image(name, argv)
        load(self.task, image, self.thread, got.append)
        image.release()
        assert len(got) == 1
        if isinstance(got[0], SyscallError):
            self.check_empty()
        return got[0]

    def check_empty(self) -> None:
        assert self.account.used == 0
        for file in self.files.values():
            assert file.refs == 0
            assert file.the_backing.refs == 0

    def close(self) -> None:
        for file in self.files.values():
            os.close(file.the_backing.fd)


PIE = elf([Segment(0, 0x1000, flags=R | X), Segment(0x1000, 0x800, 0x3000, R | W)], entry=0x40, interp=b"ld\0")
LD = elf([Segment(0, 0x2000, flags=R | X)], entry=0x123)
STATIC = elf([Segment(0x400000, 0x1000, flags=R | X, offset=0)], kind=2, entry=0x400100)
STATIC_PIE = elf([Segment(0, 0x1000, flags=R | X, align=0x200000)], entry=0x100)


def open_fds() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_program_and_interpreter() -> None:
    world = World(prog=PIE, ld=LD)
    result = world.load(b"prog")
    assert isinstance(result, LoadResult)
    assert world.thread.rounds == 1 and world.thread.host.name == b"prog"
    mm, regs = result.mm, result.regs
    aux = dict(zip(*[iter(struct.unpack(f"<{len(mm.auxv) // 8}Q", mm.auxv))] * 2, strict=True))
    bias = aux[3] - 64
    assert 0x5554_0000_0000 <= bias < 0x5800_0000_0000
    assert aux[9] == bias + 0x40
    assert regs[RIP] == aux[7] + 0x123
    assert regs[RSP] == mm.start_stack
    assert regs[EFLAGS] == 0x200
    assert sum(map(bool, regs)) == 3
    assert (aux[33], aux[5], aux[4], aux[11], aux[13], aux[23]) == (VDSO, 3, 56, 1000, 100, 0)
    assert world.thread.space.written[bias + 0x1800] == bytes(0x800)
    assert world.thread.space.title.startswith(b"prog\0")
    data = world.thread.space.written[mm.start_stack]
    assert words(data, 0, 1) == (2,)
    assert mm.start_brk >= bias + 0x4000
    assert mm.brk == mm.start_brk
    assert (result.comm, result.file) == (b"prog", world.files[b"prog"])
    pages = world.thread.host.pages
    assert [pages[(bias >> 12) + n][0] for n in range(4)] == [5, 3, 3, 3]
    assert sum(a.end - a.start for a in mm.areas) >> 12 == len(pages)
    assert world.account.used == 3
    mm.drop()
    world.check_empty()
    world.close()


def test_our_vector_has_the_hosts_order() -> None:
    """/proc/self/auxv of this very process, without what tells of restartable sequences."""
    host = Path("/proc/self/auxv").read_bytes()
    wanted = [key for key in words(host, 0, len(host) // 8)[::2] if key not in (27, 28)]
    world = World(prog=STATIC)
    result = world.load(b"prog")
    assert isinstance(result, LoadResult)
    mine = words(result.mm.auxv, 0, len(result.mm.auxv) // 8)[::2]
    assert list(mine) == wanted[: wanted.index(0) + 1]
    world.close()


@pytest.mark.parametrize(("data", "low"), [(STATIC, 0x400000), (STATIC_PIE, 0)])
def test_static_programs(data: bytes, low: int) -> None:
    world = World(prog=data)
    result = world.load(b"prog")
    assert isinstance(result, LoadResult)
    code = result.mm.start_code
    assert code == low or (not low and code % 0x200000 == 0 and code > 1 << 40)
    assert result.regs[RIP] == code + 0x100
    world.close()


def test_scripts() -> None:
    world = World(prog=STATIC, a=b"#!b -x y\n", b=b"#!prog\n")
    image = world.image(b"a", [b"zero", b"one"])
    prepare(world.task, image)
    assert image.argv == [b"prog", b"b", b"-x y", b"a", b"one"]
    assert image.file is world.files[b"prog"]
    assert image.comm == b"a"
    image.release()
    world.check_empty()
    world.close()


def test_interpreters_of_interpreters() -> None:
    chain = {f"s{n}": f"#!s{n + 1}\n".encode() for n in range(7)}
    world = World(**chain, s7=STATIC, loop=b"#!loop\n", hanging=b"#!nothing\n")
    assert isinstance(world.load(b"s2"), LoadResult)
    for name, number in ((b"s1", errno.ELOOP), (b"loop", errno.ELOOP), (b"hanging", errno.ENOENT)):
        image = world.image(name)
        with pytest.raises(SyscallError) as caught:
            prepare(world.task, image)
        assert caught.value.errno == number
        image.release()
    world.close()


def no_map(flags: int = R | X) -> bytes:
    return elf([Segment(0x1000, 0x1000, flags=flags)], kind=2)


@pytest.mark.parametrize(
    ("files", "number", "fatal"),
    [
        ({"prog": b"text"}, errno.ENOEXEC, False),
        ({"prog": b""}, errno.ENOEXEC, False),
        ({"prog": PIE}, errno.ENOENT, False),
        ({"prog": PIE, "ld": b"#!/bin/sh\n".ljust(100)}, errno.ELIBBAD, False),
        ({"prog": PIE, "ld": b"\x7fELF"}, errno.EIO, False),
        ({"prog": PIE, "ld": elf([])}, errno.ELIBBAD, False),
        ({"prog": PIE, "ld": elf([Segment(0, 1, kind=2)])}, errno.EINVAL, True),
        ({"prog": PIE, "ld": elf([Segment(0, 0x1000)], entry=1 << 63)}, errno.EINVAL, True),
        ({"prog": PIE, "ld": elf([Segment(0, 0x2000, 0x1000)])}, errno.ENOMEM, True),
        ({"prog": elf([Segment(0, 0x1000, offset=0), Segment(1 << 46, 1, 1 << 46)])}, errno.ENOMEM, True),
        ({"prog": no_map()}, errno.EPERM, True),
        ({"prog": elf([Segment(0x400000, 0x1000)], kind=2, entry=1 << 63)}, errno.EINVAL, True),
        ({"prog": elf([Segment(0x400000, 1, 1 << 40, W, 0)], kind=2)}, errno.ENOMEM, True),
    ],
)
def test_what_cannot_be_loaded(files: dict[str, bytes], number: int, fatal: bool) -> None:
    world = World(**files)
    result = world.load(b"prog")
    assert isinstance(result, SyscallError)
    assert (result.errno, isinstance(result, FatalExecError)) == (number, fatal)
    world.close()


def test_a_truncated_file_whose_last_page_is_missing() -> None:
    """The zeroing behind the data faults."""
    world = World(prog=elf([Segment(0x400000, 0x800, 0x900, R | W, 0)], kind=2))

    def sigbus(orders: list[Order], done: Callable[[int, int], None]) -> None:
        index, value = world.thread.host.run(orders)
        world.thread.host.pages[0x400] = (0, False, 0, 0)
        done(index, value)

    world.thread.execute = sigbus
    result = world.load(b"prog")
    assert isinstance(result, FatalExecError) and result.errno == errno.EFAULT
    world.close()


@pytest.mark.parametrize("at", range(6))
def test_the_host_refuses(at: int) -> None:
    before = open_fds()
    world = World(prog=PIE, ld=LD)
    world.thread.host.fail_after = at
    result = world.load(b"prog")
    assert isinstance(result, FatalExecError if at < 5 else LoadResult)
    world.close()
    assert open_fds() == before


def test_a_mount_with_noexec_on_the_host() -> None:
    """Every executable mapping is made from a copy."""
    before = open_fds()
    world = World(prog=PIE, ld=LD)
    host = world.thread.host
    plain = host.mmap
    ours = {file.the_backing.fd for file in world.files.values()}
    host.mmap = lambda order: -errno.EPERM if order.host_fd in ours and order.args[2] & 4 else plain(order)
    result = world.load(b"prog")
    assert isinstance(result, LoadResult)
    executable = {page[2] for page in host.pages.values() if page[0] & 4}
    assert executable and not executable & ours
    result.mm.drop()
    world.check_empty()
    world.close()
    assert open_fds() == before


def test_a_load_that_is_given_up() -> None:
    world = World(prog=PIE, ld=LD)
    world.thread.execute = lambda orders, done: None
    image = world.image(b"prog")
    load(world.task, image, world.thread, lambda result: pytest.fail("nobody waits"))
    image.release()
    world.check_empty()
    world.close()


TEXT = elf(
    [
        Segment(0x400000, 0x1000, flags=R, offset=0),
        Segment(0x401000, 0xF00, flags=R | X, offset=0x1000),
        Segment(0x402000, 0x800, flags=R, offset=0x2000),
        Segment(0x404000, 0x100, flags=R | W, offset=0x3000),
    ],
    kind=2,
    entry=0x401000,
)


@pytest.mark.parametrize("noexec", [False, True])
def test_a_text_of_three_segments_is_mapped_at_once(noexec: bool) -> None:
    """Two mappings of the file and one mprotect; where the host refuses that, a copy lies over the middle."""
    before = open_fds()
    world = World(prog=TEXT)
    host = world.thread.host
    plain: Callable[[Order], int] = host.one
    lent = world.files[b"prog"].the_backing.fd

    def one(order: Order) -> int:
        if noexec and order.nr == NR_MPROTECT and order.args[2] & 4 and host.pages[order.args[0] >> 12][2] == lent:
            return -errno.EACCES
        return plain(order)

    host.one = one
    result = world.load(b"prog")
    assert isinstance(result, LoadResult)
    assert [host.pages[n][0] for n in range(0x400, 0x403)] == [1, 5, 1]
    assert host.pages[0x404][0] == 3
    assert [host.pages[n][2] == lent for n in (0x400, 0x401, 0x402, 0x404)] == [True, not noexec, True, True]
    assert host.pages[0x401][3] == (0 if noexec else 1)
    assert sum(order.host_fd == lent for order in host.orders) == 2
    assert [(a.start, a.flags & 7) for a in result.mm.areas][:4] == [
        (0x400000, 1),
        (0x401000, 5),
        (0x402000, 1),
        (0x404000, 3),
    ]
    result.mm.drop()
    world.check_empty()
    world.close()
    assert open_fds() == before
