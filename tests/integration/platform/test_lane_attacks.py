"""What a guest may try against the stub, the filter and the lanes (docs: SECURITY.md)."""

from __future__ import annotations

import pytest

from sandbox.arch import amd64
from sandbox.platform.base import GuestThread, MemoryFault
from sandbox.platform.lane import layout, platform
from tests.integration.platform.machine import DATA, EXIT, STACK_TOP, Args, Machine, call, exit_with

HYPERCALL = layout.STUB_BASE + 0x18  # the syscall instructions themselves
ORDER = layout.STUB_BASE + 0x3B
SIGRETURN = layout.STUB_BASE + 0x05
_SIGKILL = 9


def never(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
    pytest.fail(f"system call {nr} was answered")


def jump(address: int, nr: int, *args: int) -> str:
    """Assembly that enters the stub at an instruction with chosen registers."""
    registers = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
    moves = "".join(f" mov ${arg}, %{register}\n" for register, arg in zip(registers, args, strict=False))
    return f"{moves} mov ${nr}, %eax\n mov ${address}, %rcx\n jmp *%rcx\n"


ORDERABLE = (3, 9, 10, 11, 25, 26, 28, 56, 149, 150, 325, 324, 27, 216)


@pytest.mark.parametrize("nr", ORDERABLE)
def test_a_call_that_was_not_ordered_kills_the_process(nr: int) -> None:
    m = Machine(jump(ORDER, nr, DATA, 4096, 3, 0x32, 0, 0), never).run()
    assert m.gone == [_SIGKILL]


@pytest.mark.parametrize("nr", [1, 59, 257, 41, 62, 101, 165, 231, 317, 440])
def test_other_calls_at_the_order_gate_are_trapped_like_any_call(nr: int) -> None:
    calls = []

    def kernel(m: Machine, t: GuestThread, number: int, args: Args) -> None:
        calls.append(number)
        t.space.kill()

    Machine(jump(ORDER, nr, 1, 2, 3), kernel).run()
    assert calls == [nr]


def test_a_forged_child_is_killed() -> None:
    m = Machine(jump(HYPERCALL, 110, layout.HYPER_CHILD, 1234, 0, 0), never).run()
    assert m.gone == [_SIGKILL]


def test_a_hypercall_without_a_request_is_held_and_then_answered() -> None:
    done: list[int] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        done.append(nr)
        t.space.kill()

    m = Machine(
        f" mov $2f, %rax\n mov $2f, %r12\n sub $8, %rsp\n mov %r12, (%rsp)\n{jump(HYPERCALL, 110, layout.HYPER_PARK, 0, 0, 0)}2:{call(EXIT)}",
        kernel,
    ).run()
    assert done == [EXIT] and m.gone == [_SIGKILL]


@pytest.mark.interpreted  # compiled code does not look for what takes a method's place
@pytest.mark.parametrize("looking", [True, False])
def test_who_parks_again_for_an_answer_that_is_there_is_held(looking: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have parked before it saw the answer, but not twice."""
    held = []
    later = platform.LanePlatform.answer_later
    monkeypatch.setattr(
        platform.LanePlatform, "answer_later", lambda self, id_: (held.append(id_), later(self, id_))[1]
    )
    park = (
        f" movabs ${layout.LANES_BASE}, %rbx\n mov {8 * layout.LANE_SEQ}(%rbx), %rdx\n mov %rdx, {8 * layout.LANE_DONE}(%rbx)\n"
        f" mov ${layout.HYPER_PARK}, %edi\n xor %esi, %esi\n mov $110, %eax\n mov ${HYPERCALL}, %rcx\n call *%rcx\n"
    )
    m = Machine(
        MANY_CALLS + park * 5 + exit_with(),
        lambda m, t, nr, args: t.space.kill() if nr == EXIT else t.reply(1),
        looking,
    )
    m.run()
    assert m.gone == [_SIGKILL] and not m.faults and len(held) >= 4


def test_a_forged_frame_hurts_only_its_maker() -> None:
    m = Machine(f" mov ${DATA + 4096}, %rsp\n" + jump(SIGRETURN, 15), never).run()
    assert m.gone and (m.faults or m.gone[0] != 0)


def test_calls_of_the_32_bit_table_are_faults() -> None:
    m = Machine(" mov $1, %eax\n int $0x80\n", never).run()
    assert m.faults == [(11, 0)]


def test_calls_of_the_x32_table_never_pass() -> None:
    calls = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        calls.append(nr)
        t.space.kill()

    Machine(" mov $0x40000001, %eax\n syscall\n", kernel).run()
    assert calls == [0x4000_0001]


def test_a_stack_pointer_of_eight_does_not_matter() -> None:
    values = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        values.append(t.get_reg(amd64.RSP))
        t.space.kill()

    Machine(" mov $8, %rsp\n" + call(39), kernel).run()
    assert values == [8]


def test_alignment_check_and_direction_flags_do_not_break_the_stub() -> None:
    values = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr == EXIT:
            t.space.kill()
        values.append(nr)
        if not t.space.dead:  # type: ignore[attr-defined]
            t.reply(0)

    source = " pushfq\n orl $0x40400, (%rsp)\n popfq\n" + call(39) * 3 + exit_with()
    m = Machine(source, kernel).run()
    assert values == [39, 39, 39, EXIT] and not m.faults


# A thread's lane is private at first, and shared pages once it has made many calls.
MANY_CALLS = " mov $100, %ebx\n1:" + call(39) + " dec %ebx\n jnz 1b\n"
LANES = pytest.mark.parametrize(
    ("first", "lane"), [("", layout.STACKS_BASE), (MANY_CALLS, layout.LANES_BASE)], ids=["private", "shared"]
)
SEQ = 1 << 20


def only_getpid(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
    assert nr == 39, f"system call {nr} was answered"
    t.reply(1)


def forged_request(lane: int, words: dict[int, int]) -> str:
    """Assembly that writes a request into a lane and parks with it."""
    pokes = "".join(
        f" movabs ${value}, %rax\n movabs ${lane + word * 8}, %rbx\n mov %rax, (%rbx)\n"
        for word, value in {**words, layout.LANE_SEQ: SEQ}.items()
    )
    return pokes + jump(HYPERCALL, 110, layout.HYPER_PARK, 0, SEQ, 0)


@LANES
def test_lies_in_the_lane_are_input(first: str, lane: int) -> None:
    """Kinds that do not exist, addresses of nothing: the process is killed, the sentry goes on."""
    words = {layout.LANE_KIND: 99, layout.LANE_FRAME: (1 << 64) - 1, layout.LANE_FPSTATE: 8}
    m = Machine(first + forged_request(lane, words), only_getpid).run()
    assert m.gone == [_SIGKILL] and not m.faults


@LANES
@pytest.mark.parametrize("signal", [0, 9, 64, 1 << 40])
def test_a_fault_that_no_processor_raises_kills(first: str, lane: int, signal: int) -> None:
    words = {layout.LANE_KIND: layout.KIND_FAULT, layout.LANE_SIGNO: signal}
    m = Machine(first + forged_request(lane, words), only_getpid).run()
    assert m.gone == [_SIGKILL] and not m.faults


@LANES
def test_a_done_report_without_orders_kills(first: str, lane: int) -> None:
    m = Machine(first + forged_request(lane, {layout.LANE_KIND: layout.KIND_DONE}), only_getpid).run()
    assert m.gone == [_SIGKILL] and not m.faults


@LANES
def test_a_forged_call_is_a_call(first: str, lane: int) -> None:
    """What a guest writes into its lane itself is no more than what it could have asked for by a system call."""
    calls = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr == 39:
            t.reply(1)
        else:
            calls.append((nr, args[0]))
            t.space.kill()

    words = {layout.LANE_KIND: layout.KIND_SYSCALL, layout.LANE_NR: 1234, layout.LANE_ARGS: 5}
    Machine(first + forged_request(lane, words), kernel).run()
    assert calls == [(1234, 5)]


def test_a_thread_that_claims_the_other_kind_of_lane_hurts_only_itself() -> None:
    """It says that it has a shared lane, and has none: its next trap ends it."""
    claim = f" movabs ${layout.STACKS_BASE + layout.LANE_ATTACHED * 8}, %rbx\n movq $1, (%rbx)\n"
    m = Machine(claim + call(39), only_getpid).run()
    assert m.gone


def test_the_stubs_memory_is_no_guest_memory() -> None:
    refused = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        for start, end in ((layout.STUB_BASE, layout.CONTROL_BASE), (layout.STACKS_BASE, layout.STUB_END)):
            for at in (start, start - 1, end - 1):
                for action in (lambda at=at: t.space.read(at, 2), lambda at=at: t.space.write(at, b"xx")):
                    with pytest.raises(MemoryFault):
                        action()
                    refused.append(at)
        t.space.kill()

    Machine(call(39), kernel).run()
    assert len(refused) == 12


@pytest.mark.interpreted
def test_a_thread_that_blocks_the_interrupt_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forged frame masks every signal and goes into a loop."""
    monkeypatch.setattr(platform, "_INTERRUPT_NS", 100_000_000)

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        t.reply(0)
        m.reactor.call_at(m.reactor.clock.now_ns() + 10_000_000, t.interrupt)

    # struct ucontext: ss_flags, rsp, rip, flags, segments, the signal mask
    words = (
        (24, "$2"),
        (160, f"${STACK_TOP}"),
        (168, "$9f"),
        (176, "$0x202"),
        (184, "$0x2b000000000033"),
        (296, "$-1"),
    )
    frame = "".join(f" movabs {value}, %rax\n mov %rax, {DATA + 4096 + offset}\n" for offset, value in words)
    source = call(39) + frame + f" mov ${DATA + 4096}, %rsp\n" + jump(SIGRETURN, 15) + "9: jmp 9b\n"
    m = Machine(source, kernel).run()
    assert m.gone == [_SIGKILL] and not m.faults


@LANES
def test_a_bug_costs_the_process_that_met_it(first: str, lane: int) -> None:
    bug = ZeroDivisionError("a bug of the kernel's")

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr != 39:
            raise bug
        t.reply(1)

    m = Machine(first + call(1234), kernel).run()
    assert m.gone == [_SIGKILL] and m.mishaps == [bug]


def test_the_control_page_cannot_be_written() -> None:
    m = Machine(f" movabs ${layout.CONTROL_BASE}, %rbx\n movq $1, (%rbx)\n", never).run()
    assert m.faults == [(11, layout.CONTROL_BASE)]


def test_the_stub_text_cannot_be_written() -> None:
    m = Machine(f" movabs ${layout.STUB_BASE}, %rbx\n movq $1, (%rbx)\n", never).run()
    assert m.faults == [(11, layout.STUB_BASE)]


def test_changed_segment_bases_do_not_matter() -> None:
    values = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        values.append((t.get_reg(amd64.FS_BASE), t.get_reg(amd64.GS_BASE)))
        t.space.kill()

    Machine(" mov $0x1111, %eax\n wrgsbase %rax\n mov $0x2222, %eax\n wrfsbase %rax\n" + call(39), kernel).run()
    assert values == [(0x2222, 0x1111)]
