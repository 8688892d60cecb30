"""What both platforms do, with bare machine code: traps, registers, orders, fork, threads, interruption."""

from __future__ import annotations

import signal

import pytest

from sandbox.arch import amd64
from sandbox.platform.base import OP_CMPXCHG32, OP_XCHG32, GuestThread, MemoryFault, Order
from tests.integration.platform.machine import CODE, DATA, EXIT, STACK_TOP, Args, Machine, call, exit_with

pytestmark = pytest.mark.parametrize("platform", ["lane", "ptrace"])
LOOKING = pytest.mark.parametrize("looking", [True, False], ids=["looking", "parking"])


@LOOKING
def test_calls_are_answered_in_order(looking: bool, platform: str) -> None:
    calls: list[int] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr == EXIT:
            calls.append(args[0])
            t.space.kill()
        else:
            t.reply(args[0] + 1)

    loop = " xor %edi, %edi\n1: mov $39, %eax\n syscall\n mov %rax, %rdi\n cmp $3000, %rdi\n jne 1b\n"
    Machine(loop + exit_with("rdi"), kernel, looking, platform=platform).run()
    assert calls == [3000]


def test_six_arguments_and_every_register_survive(platform: str) -> None:
    seen: list[tuple[int, Args]] = []
    registers: list[list[int]] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr == EXIT:
            t.space.kill()
            return
        seen.append((nr, args))
        registers.append(t.get_regs())
        t.reply(0)

    setup = "".join(
        f" mov ${value}, %{name}\n" for value, name in enumerate(("rbx", "rbp", "r12", "r13", "r14", "r15"), 100)
    )
    source = setup + call(200, 1, 2, 3, 4, 5, 6) + call(201, 1, 2, 3, 4, 5, 6) + exit_with()
    Machine(source, kernel, platform=platform).run()
    assert seen == [(200, (1, 2, 3, 4, 5, 6)), (201, (1, 2, 3, 4, 5, 6))]
    first, second = registers
    for index in (amd64.RBX, amd64.RBP, amd64.R12, amd64.R13, amd64.R14, amd64.R15, amd64.RSP, amd64.RDI, amd64.R9):
        assert first[index] == second[index]
    assert first[amd64.RSP] == STACK_TOP


def test_a_changed_register_file_is_what_the_guest_sees(platform: str) -> None:
    got: list[int] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr == EXIT:
            got.append(args[0])
            t.space.kill()
        elif nr == 300:
            t.set_reg(amd64.R15, 0x1234)
            t.set_reg(amd64.FS_BASE, DATA)
            t.resume()
        else:
            t.space.write(DATA, (77).to_bytes(8, "little"))
            t.reply(0)

    Machine(
        call(301) + call(300) + " mov %fs:0, %rdi\n add %r15, %rdi\n" + exit_with("rdi"), kernel, platform=platform
    ).run()
    assert got == [0x1234 + 77]


def test_vector_state_is_kept_and_can_be_replaced(platform: str) -> None:
    got: list[int] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr == EXIT:
            got.append(args[0])
            t.space.kill()
        elif nr == 300:
            image = bytearray(t.fpu_state())
            at = 160 + 3 * 16  # xmm3 in the FXSAVE area
            got.append(int.from_bytes(image[at : at + 8], "little"))
            image[at : at + 8] = (99).to_bytes(8, "little")
            assert t.set_fpu_state(bytes(image))
            bad = bytearray(image)
            bad[24:28] = b"\xff\xff\xff\xff"  # reserved MXCSR bits
            assert not t.set_fpu_state(bytes(bad))
            t.resume()

    Machine(
        " mov $55, %rax\n movq %rax, %xmm3\n" + call(300) + " movq %xmm3, %rdi\n" + exit_with("rdi"),
        kernel,
        platform=platform,
    ).run()
    assert got == [55, 99]


def test_fork_copies_memory_and_registers(platform: str) -> None:
    exits: list[tuple[int, int]] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr == 57:

            def forked(child: GuestThread | None) -> None:
                assert child is not None and child.space is not t.space
                child.set_reg(amd64.RAX, 0)
                child.resume()
                t.reply(1)

            t.fork_space(forked)
        elif nr == EXIT:
            exits.append((args[0], int.from_bytes(t.space.read(DATA, 8), "little")))
            t.space.kill()

    m = Machine(
        f" movq $5, {DATA}\n" + call(57) + f" add %rax, {DATA}\n mov %rax, %rdi\n" + exit_with("rdi"),
        kernel,
        platform=platform,
    )
    m.stop_when_gone = False
    m.on_fault = lambda t, signo: pytest.fail("fault")
    gone = m.space_gone

    def both(space: object, status: int) -> None:
        gone(space, status)  # type: ignore[arg-type]
        if len(m.gone) == 2:
            m.reactor.stop()

    m.space_gone = both  # type: ignore[method-assign,assignment]
    m.run()
    assert sorted(exits) == [(0, 5), (1, 6)]


@LOOKING
def test_threads_share_memory_and_ended_ones_are_used_again(looking: bool, platform: str) -> None:
    host_threads: set[int] = set()
    left = [300]

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr == 56:

            def cloned(child: GuestThread | None) -> None:
                assert child is not None and child.space is t.space
                host_threads.add(id(child))
                child.set_reg(amd64.RAX, 0)
                child.set_reg(amd64.RSP, STACK_TOP - 0x8000)
                child.resume()

            m.reply_to = t  # type: ignore[attr-defined]
            t.clone_thread(cloned)
        elif nr == EXIT and args[0] == 0:
            t.release()
            left[0] -= 1
            m.reply_to.reply(left[0] + 1)  # type: ignore[attr-defined]
        else:
            left.append(int.from_bytes(t.space.read(DATA, 8), "little"))
            t.space.kill()

    source = "1:" + call(56, 0) + " test %rax, %rax\n jz 2f\n cmp $1, %rax\n jg 1b\n mov $9, %edi\n" + exit_with("rdi")
    source += f"2: lock incq {DATA}\n xor %edi, %edi\n" + exit_with("rdi")
    Machine(source, kernel, looking, platform=platform).run()
    assert left[1] == 300
    assert len(host_threads) <= 3


def test_a_running_thread_is_interrupted(platform: str) -> None:
    seen: list[int] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr == EXIT:
            t.space.kill()
            return
        m.on_interrupt = interrupted
        m.reactor.call_at(0, t.interrupt)
        t.reply(0)

    def interrupted(t: GuestThread) -> None:
        seen.append(t.get_reg(amd64.RIP))
        if len(seen) < 50:
            t.resume()
            t.interrupt()
        else:
            t.set_reg(amd64.RBX, 1)
            t.resume()

    Machine(
        " xor %ebx, %ebx\n" + call(39) + "1: test %ebx, %ebx\n jz 1b\n" + exit_with(), kernel, platform=platform
    ).run()
    assert len(seen) == 50 and all(CODE < rip < CODE + 4096 for rip in seen)


def test_faults_are_reported_and_can_be_mended(platform: str) -> None:
    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        t.space.kill()

    m = Machine(" mov 0x10, %rax\n ud2\n movabs %rax, 0x7fff00000000\n int3\n hlt\n", kernel, platform=platform)
    lengths = iter((8, 2, 10, 0, 1))

    def skip(t: GuestThread, signo: int) -> None:
        if len(m.faults) == 5:
            t.space.kill()
            return
        t.set_reg(amd64.RIP, t.get_reg(amd64.RIP) + next(lengths))
        t.resume()

    m.on_fault = skip
    m.run()
    assert [signo for signo, _ in m.faults] == [11, 4, 11, 5, 11]
    assert m.faults[0][1] == 0x10


def test_atomic_operations_run_in_the_stub(platform: str) -> None:
    results: list[tuple[int, int]] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        def done(index: int, result: int) -> None:
            results.append((index, result))
            if len(results) == 1:
                t.execute([Order(OP_CMPXCHG32, (DATA, 77, 78)), Order(OP_CMPXCHG32, (DATA, 77, 79))], done)
            elif len(results) == 2:
                t.execute([Order(OP_CMPXCHG32, (0x10, 77, 78))], done)
            else:
                t.space.kill()

        t.execute([Order(OP_XCHG32, (DATA, 77))], done)

    Machine(call(39), kernel, platform=platform).run()
    assert results == [(0, 0), (1, 78), (0, -14)]


def test_guest_memory_honours_protection_and_ends(platform: str) -> None:
    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        space = t.space
        space.write(DATA, b"hello\0")
        assert space.read_cstr(DATA, 100) == b"hello"
        with pytest.raises(MemoryFault):
            space.write(CODE, b"x")  # read-only
        with pytest.raises(MemoryFault) as fault:
            space.write(STACK_TOP - 4, b"12345678")
        assert fault.value.done == 4 and fault.value.address == STACK_TOP
        with pytest.raises(MemoryFault):
            space.read(STACK_TOP - 4, 8)
        space.write(STACK_TOP - 2, b"ab")
        with pytest.raises(MemoryFault):
            space.read_cstr(STACK_TOP - 2, 100)
        with pytest.raises(ValueError):
            space.read_cstr(STACK_TOP - 2, 2)
        for bad in (0, 1 << 47, (1 << 64) - 1, 1 << 63):
            with pytest.raises(MemoryFault):
                space.read(bad, 1)
        big = bytes(range(256)) * 200
        space.write(DATA, big)
        assert space.read(DATA, len(big)) == big
        t.space.kill()

    Machine(call(39), kernel, platform=platform).run()


def test_the_thread_has_its_signal_mask_again(platform: str) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    try:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        Machine(exit_with(), lambda m, t, nr, args: t.space.kill(), platform=platform).run()
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
