"""A descriptor of a host's file that is lent for a mapping: how long a guest's process has it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sandbox.platform.base import GuestThread, Order
from sandbox.platform.lane import layout
from sandbox.platform.lane.listener import Listener
from sandbox.platform.lane.thread import LaneThread
from tests.integration.platform.machine import DATA, EXIT, Args, Machine, call, exit_with

MMAP, GETPID = 9, 39
PLACE = 0x4000_0000
ASKED = 0x812  # MAP_PRIVATE | MAP_FIXED | MAP_DENYWRITE
ORDERED = 0x4012  # MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE
FD = 5  # as the guest has it
ORDER_GATE = layout.STUB_BASE + 0x20
WARM = f" mov $100, %ebx\n9: mov ${GETPID}, %eax\n syscall\n dec %ebx\n jnz 9b\n"


def mapping(page: int, offset: int = 0) -> str:
    return call(MMAP, PLACE + page * 4096, 4000, 1, ASKED, FD, offset)


class Kernel:
    """Maps what is asked for from a file with a number in each page; `lent` counts, `open` is what the process had open
    at each other call."""

    def __init__(self, keepable: bool, patch: pytest.MonkeyPatch) -> None:
        self.keepable = (self, False) if keepable else None
        self.lent = 0
        self.open: list[list[str]] = []
        self.left: int | None = None
        self.fd = os.memfd_create("file")
        for page in range(4):
            os.pwrite(self.fd, (page + 1).to_bytes(4, "little"), page * 4096)
        os.ftruncate(self.fd, 4 * 4096)
        lend = Listener.lend

        def count(listener: Listener, id_: int, fd: int, at: int) -> bool:
            self.lent += fd == self.fd
            return lend(listener, id_, fd, at)

        patch.setattr(Listener, "lend", count)

    def __call__(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        assert type(t) is LaneThread
        if nr == MMAP:
            order = Order(MMAP, (args[0], 4096, args[2], ORDERED, 0, args[5]), self.fd, keepable=self.keepable)
            t.execute_and_return([order], args[0], lambda: None, lambda index, result: t.reply(result))
        elif nr == EXIT:
            self.left = args[0]
            t.space.kill()
        else:
            self.open.append(os.listdir(f"/proc/{t.space.pid}/fd"))
            t.reply(0)


@pytest.fixture(params=[True, False], ids=["of the host", "of the sandbox"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    made = Kernel(request.param, monkeypatch)
    yield made
    os.close(made.fd)


pytestmark = pytest.mark.interpreted  # a method of a compiled class cannot be replaced


@pytest.mark.parametrize("warm", [False, True], ids=["private lane", "shared lane"])
@pytest.mark.parametrize("looking", [False, True])
def test_it_is_lent_once_for_mappings_that_follow_each_other(kernel: Kernel, looking: bool, warm: bool) -> None:
    source = (
        (WARM if warm else "") + mapping(0, 4096) + mapping(1, 8192) + mapping(2, 12288) + call(GETPID) + mapping(3)
    )
    sums = f" mov {PLACE}, %eax\n add {PLACE + 4096}, %eax\n add {PLACE + 8192}, %eax\n add {PLACE + 12288}, %eax\n"
    m = Machine(source + sums + exit_with(), kernel, looking=looking).run()
    assert not m.faults and not m.mishaps and kernel.left == 2 + 3 + 4 + 1
    assert all(not numbers for numbers in kernel.open)  # no other call is made with it
    once = kernel.keepable is not None and not looking  # where the sentry looks it may answer before the thread parks
    assert kernel.lent == 2 if once else 2 <= kernel.lent <= 4


def test_a_guest_that_keeps_it_can_do_nothing_with_it(kernel: Kernel) -> None:
    """It maps the same once more, by the stub's own instruction, unasked."""
    entry = (MMAP, PLACE + 8192, 4096, 3, 0x11, layout.LENT_FD, 0)
    stores = "".join(f" movabs ${value}, %rax\n mov %rax, {DATA + 8 * n}\n" for n, value in enumerate(entry))
    gate = f" mov ${DATA}, %edi\n mov ${ORDER_GATE:#x}, %rcx\n call *%rcx\n"
    m = Machine(mapping(0) + stores + gate + exit_with(), kernel, looking=False).run()
    assert m.gone == [9] and kernel.left is None


def test_it_may_be_closed_at_the_free_gate_and_nothing_else_may(kernel: Kernel) -> None:
    def close(fd: int) -> str:
        stores = f" movq $3, {DATA}\n movq ${fd}, {DATA + 8}\n"
        return stores + f" mov ${DATA}, %edi\n mov ${layout.STUB_BASE + 0x40:#x}, %rcx\n call *%rcx\n"

    Machine(close(layout.LENT_FD) + exit_with(), kernel, looking=False).run()
    assert kernel.left == 2**64 - 9  # EBADF: there is none
    m = Machine(close(layout.LENT_FD + 1) + exit_with(), kernel, looking=False).run()
    assert kernel.left == 0 and not m.faults  # trapped, and answered as a call of the guest's own
