"""Calls that go by a thunk in place of a trap: which do, and what guests may do to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.arch import amd64
from sandbox.platform.base import FREE_FILES, FREE_MEMORY, GuestThread, Order
from sandbox.platform.lane import layout
from sandbox.platform.lane.thread import LaneThread
from tests.integration.platform.machine import (
    CODE,
    DATA,
    EXIT,
    STACK_TOP,
    THUNKS,
    Args,
    Machine,
    assemble,
    exit_with,
)

SIGILL, SIGTRAP, SIGSEGV = 4, 5, 11
WARM = 64 + 16  # calls before the first patched one: on the private lane, and until they are tried
FIXED, NOREPLACE, ANONYMOUS = 0x10, 0x100000, 0x4022  # MAP_ANONYMOUS | MAP_PRIVATE | MAP_NORESERVE
MMAP = 9
MPROTECT, MUNMAP, MREMAP, MADVISE = 10, 11, 25, 28
MOV = "mov $39, %eax\n syscall\n"
CMP = "xor %eax, %eax\n add $39, %eax\n syscall\n cmp $-4095, %rax\n"


def loop(count: int, body: str) -> str:
    return f" mov ${count}, %ebx\n9: {body} dec %ebx\n jnz 9b\n"


class Kernel:
    """Answers every call with 1000 + how many there were; `by_thunk` tells of each whether it came by one."""

    def __init__(self, at: dict[int, Callable[[LaneThread], None]] | None = None) -> None:
        self.by_thunk: list[bool] = []
        self.at = at or {}

    def __call__(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        assert type(t) is LaneThread
        if nr == EXIT:
            assert t.whole()
            t.space.kill()
            return
        self.by_thunk.append(not t.whole())
        action = self.at.get(len(self.by_thunk))
        if action is not None:
            action(t)
        else:
            t.reply(1000 + len(self.by_thunk))


def run(source: str, kernel: Kernel, looking: bool = True) -> Machine:
    m = Machine(source + exit_with(), kernel, looking=looking, patch=True)
    return m.run()


def patched(m: Machine) -> int:
    assert m.platform.patcher is not None
    return m.platform.patcher.patched


@pytest.mark.parametrize("looking", [True, False])
@pytest.mark.parametrize("form", [MOV, CMP])
def test_a_hot_call_goes_by_a_thunk(form: str, looking: bool) -> None:
    kernel = Kernel()
    m = run(loop(WARM + 50, form), kernel, looking)
    assert not any(kernel.by_thunk[:WARM]) and all(kernel.by_thunk[WARM + 1 :])
    assert len(kernel.by_thunk) == WARM + 50 and patched(m) == 1 and not m.faults


def test_nothing_is_patched_unless_asked_for() -> None:
    kernel = Kernel()
    m = Machine(loop(WARM + 50, MOV) + exit_with(), kernel).run()
    assert not any(kernel.by_thunk) and m.platform.patcher is None


@pytest.mark.parametrize("before", [0x40, 0x41, 0x48, 0x4F])
def test_a_mov_with_a_prefix_is_left_alone(before: int) -> None:
    """Another register's mov, or a longer one."""
    kernel = Kernel()
    m = run(loop(WARM + 50, f" mov $39, %eax\n jmp 1f\n .byte {before}, 0xb8\n .long 39\n1: syscall\n"), kernel)
    assert not any(kernel.by_thunk) and patched(m) == 0


def test_a_number_that_is_not_the_movs_is_left_alone() -> None:
    kernel = Kernel()
    m = run(loop(WARM + 50, " mov $40, %eax\n jmp 1f\n mov $39, %eax\n1: syscall\n"), kernel)
    assert not any(kernel.by_thunk) and patched(m) == 0


def test_a_number_that_no_thunk_serves_is_trapped_also_where_others_are_not() -> None:
    """The cmp form takes it from rax: EXIT is asserted to come with a frame."""
    kernel = Kernel()
    source = " mov $39, %r12d\n" + loop(WARM + 50, "1: mov %r12d, %eax\n syscall\n cmp $-4095, %rax\n")
    m = run(source + f" mov ${EXIT}, %r12d\n jmp 1b\n", kernel)
    assert all(kernel.by_thunk[WARM + 1 :]) and patched(m) == 1 and not m.faults


def test_a_host_that_does_not_let_code_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with proc_mem.force_override=never: seen at the start, and nothing is patched."""

    def refused(fd: int, data: bytes, offset: int) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.pwrite", refused)
    kernel = Kernel()
    m = run(loop(WARM + 50, MOV), kernel)
    assert not any(kernel.by_thunk) and m.platform.patcher is None


def test_a_number_that_no_thunk_serves_does_not_spoil_its_site() -> None:
    """Every trap that would be a try has one at first."""
    kernel = Kernel()
    m = Machine(loop(WARM + 200, CMP) + exit_with(), kernel, patch=True)

    def served(t: LaneThread) -> None:
        m.platform.patch_calls((39,))
        t.reply(0)

    kernel.at = {WARM + 100: served}
    m.platform.thunk_calls = frozenset((40,))
    m.run()
    assert not any(kernel.by_thunk[: WARM + 100]) and kernel.by_thunk[-1]


GS = {
    "its own": (f" mov ${DATA}, %eax\n wrgsbase %rax\n", 50),
    "beyond the stacks": (f" movabs ${layout.STUB_END}, %rax\n wrgsbase %rax\n", 50),
    "in the middle of a block": (f" movabs ${layout.STACKS_BASE + 8}, %rax\n wrgsbase %rax\n", 1),
    "a slot's that has no thread": (f" movabs ${layout.STACKS_BASE + 65536}, %rax\n wrgsbase %rax\n", 1),
    "none": (" xor %eax, %eax\n wrgsbase %rax\n", 1),
}


@pytest.mark.parametrize("gs", GS)
@pytest.mark.parametrize("form", [MOV, CMP])
def test_a_gs_of_its_own(form: str, gs: str) -> None:
    """Then the call is trapped, at the address where it always was. A base of none is lent again with the next frame."""
    change, trapped = GS[gs]
    kernel = Kernel()
    shown = set()

    def look(t: LaneThread) -> None:
        shown.add((t.get_reg(amd64.RIP), t.whole()))
        t.reply(0)

    kernel.at = {WARM + 50 + n: look for n in (1, 2)}
    source = f" xor %r12d, %r12d\n mov ${WARM + 50}, %r13d\n4: mov %r13d, %ebx\n9: {form} dec %ebx\n jnz 9b\n"
    m = run(source + f" {change} mov $50, %r13d\n inc %r12d\n cmp $2, %r12d\n jb 4b\n", kernel)
    assert kernel.by_thunk[WARM + 50 :] == [False] * trapped + [True] * (50 - trapped) and not m.faults
    assert len({rip for rip, _ in shown}) == 1 and all(CODE < rip < CODE + 8192 for rip, _ in shown)


def test_what_stands_behind_a_patched_mov_is_not_taken_for_the_other_form() -> None:
    """A thread with a gs of its own traps there."""
    kernel = Kernel()
    both = MOV + " cmp $-4095, %rax\n"
    source = f" mov $2, %r12d\n4: mov ${WARM + 50}, %ebx\n9: {both} dec %ebx\n jnz 9b\n"
    m = run(source + f" mov ${DATA}, %eax\n wrgsbase %rax\n dec %r12d\n jnz 4b\n", kernel)
    assert kernel.by_thunk[WARM + 49] and not any(kernel.by_thunk[WARM + 50 :]) and patched(m) == 1 and not m.faults


def test_an_fs_that_changed_is_another_threads() -> None:
    kernel = Kernel()
    run(
        loop(
            WARM + 50,
            MOV
            + f" mov ${DATA}, %eax\n wrfsbase %rax\n cmp $20, %ebx\n je 1f\n jmp 2f\n1: inc %rax\n wrfsbase %rax\n2:",
        ),
        kernel,
    )
    assert kernel.by_thunk.count(False) in range(WARM, WARM + 5) and kernel.by_thunk[-1]


@pytest.mark.parametrize("form", [MOV, CMP])
def test_a_guest_that_steps_itself(form: str) -> None:
    """TF: a SIGTRAP after each of its own instructions, and none in ours."""
    kernel = Kernel()
    m = Machine(
        f" mov $2, %r12d\n4: mov ${WARM + 50}, %ebx\n9: {form} dec %ebx\n jnz 9b\n dec %r12d\n jz 5f\n"
        " pushq $0x302\n popfq\n mov $1, %ebx\n jmp 9b\n5: pushq $0x202\n popfq\n" + exit_with(),
        kernel,
        patch=True,
    )
    at: list[int] = []

    def trap(t: GuestThread, signo: int) -> None:
        at.append(t.get_reg(amd64.RIP))
        t.resume()

    m.on_fault = trap
    m.run()
    assert {signo for signo, _ in m.faults} == {SIGTRAP} and kernel.by_thunk[-1]
    assert all(CODE < rip < CODE + 8192 for rip in at) and len(at) >= 5


def test_vector_registers_are_kept() -> None:
    fill = "".join(f" mov ${n + 77}, %eax\n movq %rax, %xmm{n}\n" for n in range(16))
    check = "".join(f" movq %xmm{n}, %rax\n cmp ${n + 77}, %rax\n jne 8f\n" for n in range(16))
    kernel = Kernel()
    m = run(fill + loop(WARM + 50, MOV) + check + " jmp 7f\n8: ud2\n7:\n", kernel)
    assert kernel.by_thunk[-1] and not m.faults


def test_registers_can_be_had_and_set_in_a_call_by_a_thunk() -> None:
    seen = []

    def whole(t: LaneThread) -> None:
        assert not t.whole() and t.get_reg(amd64.RSP) == STACK_TOP and t.get_reg(amd64.RBX) == 1

        def done() -> None:
            assert t.whole()
            image = t.fpu_state()
            seen.append(len(image))
            assert t.set_fpu_state(image)
            t.set_reg(amd64.RAX, 7)
            t.set_reg(amd64.R15, 99)
            t.resume()

        t.make_whole(done)

    kernel = Kernel({WARM + 50: whole})
    m = run(loop(WARM + 50, MOV) + " cmp $7, %rax\n jne 8f\n cmp $99, %r15\n je 7f\n8: ud2\n7:\n", kernel)
    assert seen and seen[0] >= 512 and not m.faults


# --- calls that the stub makes for it ---

PLACE = 0x4000_0000
MAP = Order(MMAP, (PLACE, 4096, 3, FIXED | ANONYMOUS, 2**64 - 1, 0), free=FREE_MEMORY)
NOT_OVER_DATA = Order(MMAP, (DATA, 4096, 3, NOREPLACE | ANONYMOUS, 2**64 - 1, 0), free=FREE_MEMORY)


def test_free_memory_is_mapped_without_a_frame() -> None:
    """The stub writes down where a frame is."""
    failed: list[int] = []
    seen: list[tuple[int, int]] = []

    def maps(t: LaneThread) -> None:
        assert not t.whole()
        t.words[layout.LANE_FRAME] = 0
        t.execute_assumed(MAP, 77, lambda index, result: failed.append(result))

    def look(t: LaneThread) -> None:
        seen.append((t.words[layout.LANE_FRAME], t.get_reg(amd64.R12)))
        t.reply(0)

    kernel = Kernel({WARM + 20: maps, WARM + 21: look})
    m = run(loop(WARM + 30, MOV + " mov %rax, %r12\n") + f" movq $1, {PLACE}\n", kernel)
    assert seen == [(0, 77)] and not failed and not m.faults


@pytest.mark.parametrize("form", [MOV, CMP])
def test_one_that_fails_is_told_of_with_a_frame(form: str) -> None:
    failed: list[tuple[int, bool]] = []

    def maps(t: LaneThread) -> None:
        def told(index: int, result: int) -> None:
            failed.append((result, t.whole()))
            t.reply(result)

        t.execute_assumed(NOT_OVER_DATA, 77, told)

    kernel = Kernel({WARM + 20: maps})
    m = run(loop(WARM + 20, form) + " cmp $-17, %rax\n je 7f\n ud2\n7:\n" + loop(5, MOV), kernel)
    assert failed == [(-17, True)] and not m.faults


@pytest.mark.parametrize(("number", "flags", "by_thunk"), [(MMAP, 0x22, True), (MMAP, 2, False), (MUNMAP, 0, False)])
def test_what_may_be_let_through_as_it_is_is_trapped(number: int, flags: int, by_thunk: bool) -> None:
    """A mapping of a file, and munmap while nobody looks: one notification does for question and permission."""
    kernel = Kernel()
    source = f" mov ${flags}, %r10d\n" + loop(WARM + 50, f" mov ${number}, %eax\n syscall\n")
    m = run(source, kernel, looking=False)
    assert set(kernel.by_thunk[WARM + 1 :]) == {by_thunk} and patched(m) == 1 and not m.faults


# --- what it does to its memory ---


def changed(order: Order, then: Callable[[LaneThread, int], None]) -> Callable[[LaneThread], None]:
    def action(t: LaneThread) -> None:
        t.execute([order], lambda index, result: then(t, result))

    return action


def original(source: str) -> bytes:
    return assemble(source).ljust(64, b"\0")[:64]


def text(t: LaneThread) -> bytes:
    return t.space.read(CODE, 64)


@pytest.mark.parametrize("form", [MOV, CMP])
def test_what_becomes_writable_is_as_it_was(form: str) -> None:
    source = loop(WARM + 150, form) + exit_with()
    texts = []

    def writable(t: LaneThread, result: int) -> None:
        texts.append(text(t))
        assert result == 0
        t.execute([Order(MPROTECT, (CODE, 8192, 5))], lambda index, result: t.reply(0))

    def look(t: LaneThread) -> None:
        texts.append(text(t))
        changed(Order(MPROTECT, (CODE, 8192, 7)), writable)(t)

    kernel = Kernel({WARM + 50: look})
    m = Machine(source, kernel, patch=True).run()
    assert texts[0] != texts[1] == original(source) and not m.faults
    assert kernel.by_thunk[WARM + 49] and not kernel.by_thunk[WARM + 51] and kernel.by_thunk[-1]  # and later again


@pytest.mark.parametrize("form", [MOV, CMP])
def test_what_is_moved_is_as_it_was(form: str) -> None:
    source = loop(WARM + 150, form) + exit_with()
    to = 0x300000

    def moved(t: LaneThread, result: int) -> None:
        assert result == to and t.space.read(to, 64) == original(source)
        t.set_reg(amd64.RIP, t.get_reg(amd64.RIP) - CODE + to)
        t.set_reg(amd64.RAX, 1)
        t.resume()

    kernel = Kernel({WARM + 50: changed(Order(MREMAP, (CODE, 8192, 8192, 3, to)), moved)})
    m = Machine(source, kernel, patch=True).run()
    assert not m.faults and len(kernel.by_thunk) == WARM + 150 and not kernel.by_thunk[-1]


@pytest.mark.parametrize("form", [MOV, CMP])
def test_thunks_that_the_guest_unmaps(form: str) -> None:
    """The call that does it comes back all the same, and later ones are trapped until there is a new area."""
    source = loop(WARM + 50, form) + exit_with()
    texts = []

    def unmapped(t: LaneThread, result: int) -> None:
        texts.append(text(t))
        t.reply(0)

    kernel = Kernel({WARM + 20: changed(Order(MUNMAP, (THUNKS, 65536)), unmapped)})
    m = Machine(source, kernel, patch=True).run()
    assert texts == [original(source)]
    assert len(kernel.by_thunk) == WARM + 50 and not any(signo != SIGSEGV for signo, _ in m.faults)


def test_patched_text_that_is_unmapped_without_being_seen() -> None:
    """Nothing is left of it that could be taken for patches of what comes there next; the thread comes back to nothing."""
    found: list[tuple[int, int]] = []

    def unmaps(t: LaneThread) -> None:
        before = len(t.space.patches.sites)
        t.execute_assumed(Order(MUNMAP, (CODE, 8192), free=FREE_FILES), 0, lambda index, result: t.reply(result))
        found.append((before, len(t.space.patches.sites)))

    source = loop(WARM + 50, MOV) + exit_with()
    m = Machine(source, Kernel({WARM + 20: unmaps}), patch=True).run()
    assert found == [(1, 0)] and m.faults and {signo for signo, _ in m.faults} == {SIGSEGV}


@pytest.mark.parametrize("form", [MOV, CMP])
def test_bytes_that_the_file_brings_back(form: str) -> None:
    kernel = Kernel({WARM + 20: changed(Order(MADVISE, (CODE, 8192, 4)), lambda t, result: t.reply(0))})
    m = Machine(loop(WARM + 200, form) + exit_with(), kernel, patch=True).run()
    assert kernel.by_thunk[WARM + 18] and not kernel.by_thunk[WARM + 21] and kernel.by_thunk[-1]
    assert patched(m) == 2 and not m.faults


# --- forks and threads ---


def test_a_fork_in_patched_text() -> None:
    """The child's calls are trapped until it has a lane of its own, and then go by the same thunks."""
    kernel = Kernel()
    children: list[LaneThread] = []
    by_thunk: list[bool] = []

    def fork(t: LaneThread) -> None:
        t.make_whole(lambda: t.fork_space(lambda child: forked(t, child)))

    def forked(t: LaneThread, child: GuestThread | None) -> None:
        assert type(child) is LaneThread
        children.append(child)
        child.set_reg(amd64.RAX, 0)
        child.resume()

    def syscall(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if children and t is children[0]:
            if nr == EXIT:
                t.space.kill()
                return
            by_thunk.append(not t.whole())
            t.reply(1)
        else:
            kernel(m, t, nr, args)

    kernel.at = {WARM + 20: fork}
    m = Machine(loop(WARM + 200, MOV) + exit_with(), syscall, patch=True).run()
    assert not m.faults and len(by_thunk) == 180
    assert not any(by_thunk[:64]) and by_thunk[-1] and patched(m) == 1


def test_who_met_a_patch_that_is_gone_again_goes_on() -> None:
    """A thread was in the call when its site was patched, and the site is as it was before the sentry hears of the fault."""
    told: list[bool] = []

    def meet(t: LaneThread) -> None:
        patcher = m.platform.patcher
        assert patcher is not None and t.space.patches.sites
        (start,) = t.space.patches.sites
        t.set_reg(amd64.RAX, 1000)
        t.set_reg(amd64.RIP, start + 2)
        patcher.reveal(t.space, start, start + 8)
        assert not t.space.patches.sites
        told.append(patcher.faulted(t, SIGILL, 2, start + 2))

    kernel = Kernel({WARM + 20: lambda t: t.make_whole(lambda: meet(t))})
    m = Machine(loop(WARM + 60, CMP) + exit_with(), kernel, patch=True)
    m.run()
    assert told == [True] and not m.faults and len(kernel.by_thunk) == WARM + 60
