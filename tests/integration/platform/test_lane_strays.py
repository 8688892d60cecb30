"""A guest that runs the stub's part itself, and lies about what it made: processes and threads that nobody counts."""

from __future__ import annotations

import errno
import os

import pytest

from sandbox.platform import hostcalls
from sandbox.platform.base import GuestThread
from sandbox.platform.lane import layout
from sandbox.platform.lane.space import LaneSpace
from tests.integration.platform.machine import DATA, EXIT, Args, Machine, call
from tests.integration.platform.own_stub import PRIVATE, SEQ, SHARED, ask, hypercall, order, poke, report, say

_SIGKILL = 9
_FORK, _THREAD, _GETPID = 57, 56, 39
_MANY_CALLS = " mov $100, %ebx\n1:" + call(_GETPID) + " dec %ebx\n jnz 1b\n"
_NEW_LANE = SHARED + layout.LANE_SIZE  # slot 1
_NEW_STACK = layout.STACKS_BASE + layout.STACK_SIZE + layout.STACK_SIZE // 2


def new_thread(lane: int, entry: str) -> str:
    """As `order`, for a thread whose stub returns to guest code."""
    stack = lane + (layout.LANE_ORDERS + 2) * 8
    return (
        poke(stack, _NEW_STACK)
        + f" lea {entry}(%rip), %rax\n movabs ${_NEW_STACK}, %rbx\n mov %rax, (%rbx)\n"
        + order(lane)
    )


def nobodys(m: Machine) -> list[int]:
    """Processes of the sandbox that the platform does not know."""
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            ours = os.getsid(int(number)) == m.platform.first.tid
        except ProcessLookupError:
            continue
        if ours and int(number) not in m.platform.spaces:
            found.append(int(number))
    return found


class Kernel:
    """Answers getpid, fork and clone; at the end of the guest it waits until no process is left that is nobody's."""

    def __init__(self) -> None:
        self.failed = 0
        self.at_exit: list[list[int]] = []

    def __call__(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        def done(child: GuestThread | None) -> None:
            self.failed += child is None
            t.reply(-11)

        if nr == _GETPID:
            t.reply(1)
        elif nr == _FORK:
            t.fork_space(done)
        elif nr == _THREAD:
            t.clone_thread(done)
        else:
            assert nr == EXIT
            self.at_exit.append(nobodys(m))
            t.space.kill()


def wait_for_none(m: Machine) -> Machine:
    """Run until the guest and whatever it left are gone; Machine's deadline is the bound."""
    m.stop_when_gone = False

    def look() -> None:
        if m.gone and not nobodys(m):
            m.reactor.stop()
        else:
            m.reactor.call_at(m.reactor.clock.now_ns() + 10_000_000, look)

    m.reactor.call_at(m.reactor.clock.now_ns() + 10_000_000, look)
    return m.run()


@pytest.fixture(
    params=[True, pytest.param(False, marks=pytest.mark.interpreted)], ids=["procfs of our own", "procfs of others"]
)
def any_proc(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.setattr(hostcalls, "open_own_proc", lambda writable=False: -1)


@pytest.mark.usefixtures("any_proc")
def test_a_fork_that_is_said_to_have_failed_leaves_no_process() -> None:
    kernel = Kernel()
    child = " test %rax, %rax\n jnz 3f\n2: jmp 2b\n3:"
    Machine(ask(PRIVATE, _FORK) + order(PRIVATE) + child + report(PRIVATE, -11) + call(EXIT), kernel).run()
    assert kernel.failed == 1 and kernel.at_exit == [[]]


def test_a_child_that_never_tells_who_it_is_dies_with_its_parent() -> None:
    m = wait_for_none(Machine(ask(PRIVATE, _FORK) + order(PRIVATE) + "2: jmp 2b\n", Kernel()))
    assert m.gone == [_SIGKILL]


def test_a_child_that_lies_about_who_it_is_leaves_no_zombie() -> None:
    lie = " test %rax, %rax\n2: jnz 2b\n" + hypercall(layout.HYPER_CHILD, 12345)
    m = wait_for_none(Machine(ask(PRIVATE, _FORK) + order(PRIVATE) + lie, Kernel()))
    assert m.gone == [_SIGKILL]


def test_a_parent_that_dies_while_it_forks_leaves_no_process() -> None:
    """The first system call of the parent after the clone is one that was not ordered."""
    parent = " test %rax, %rax\n2: jz 2b\n" + order(PRIVATE)
    m = wait_for_none(Machine(ask(PRIVATE, _FORK) + order(PRIVATE) + parent, Kernel()))
    assert m.gone == [_SIGKILL]


@pytest.mark.usefixtures("any_proc")
def test_a_thread_that_is_said_not_to_be_ends_its_process() -> None:
    source = _MANY_CALLS + ask(SHARED, _THREAD) + new_thread(SHARED, "2f") + report(SHARED, -11) + "2: jmp 2b\n"
    m = Machine(source, Kernel()).run()
    assert m.gone == [_SIGKILL]


def test_a_thread_whose_first_word_is_a_call_ends_its_process() -> None:
    word = say(_NEW_LANE, SEQ, {layout.LANE_KIND: layout.KIND_SYSCALL, layout.LANE_NR: 1234}, slot=1)
    thread = "5:" + hypercall(layout.HYPER_THREAD, 1) + word
    source = _MANY_CALLS + ask(SHARED, _THREAD) + new_thread(SHARED, "5f") + report(SHARED, 77) + "2: jmp 2b\n" + thread
    m = Machine(source, Kernel()).run()
    assert m.gone == [_SIGKILL]


def test_a_thread_that_claims_to_be_a_forked_process_ends_its_process() -> None:
    """A thread that nobody knows tells the token of a fork."""
    token = SHARED + layout.LANE_TOKEN * 8
    thread = (
        f"5: movabs ${DATA}, %rbx\n cmpq $0, (%rbx)\n je 5b\n movabs ${token}, %rbx\n mov (%rbx), %rsi\n"
        f" mov ${layout.HYPER_CHILD}, %edi\n xor %edx, %edx\n mov ${layout.STUB_BASE + 0x10:#x}, %rcx\n call *%rcx\n"
    )
    again = say(SHARED, SEQ + 2, {layout.LANE_KIND: layout.KIND_SYSCALL, layout.LANE_NR: _FORK})
    lies = ask(SHARED, _THREAD) + new_thread(SHARED, "5f") + report(SHARED, -11) + again + poke(DATA, 1)
    m = Machine(_MANY_CALLS + lies + "2: jmp 2b\n" + thread, Kernel()).run()
    assert m.gone == [_SIGKILL]


def test_the_largest_number_of_a_request_is_one_like_any_other() -> None:
    """The sentry counts on from it when it has forked."""
    pids = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        def done(child: GuestThread | None) -> None:
            assert child is not None
            pids.append(child)
            child.space.kill()
            t.reply(2)
            t.space.kill()

        t.fork_space(done)

    m = Machine(poke(PRIVATE + layout.LANE_SEQ * 8, (1 << 64) - 2) + call(_FORK), kernel).run()
    assert len(pids) == 1 and m.gone


def test_a_child_that_the_host_gives_no_descriptor_for_is_a_fork_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else has to suffer for it, its parent neither."""

    def none_left(pid: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    class Full(Kernel):
        def __call__(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
            monkeypatch.setattr(os, "pidfd_open", none_left)
            super().__call__(m, t, nr, args)

    kernel = Full()
    m = wait_for_none(Machine(call(_FORK) + call(_GETPID) + call(EXIT), kernel))
    assert kernel.failed == 1 and len(kernel.at_exit) == 1 and len(m.gone) == 1


@pytest.mark.interpreted
def test_a_thread_without_a_shared_lane_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LaneSpace, "new_chunk", lambda space, number: -1)
    kernel = Kernel()
    Machine(_MANY_CALLS + call(_THREAD) + call(EXIT), kernel).run()
    assert kernel.failed == 1 and kernel.at_exit == [[]]
