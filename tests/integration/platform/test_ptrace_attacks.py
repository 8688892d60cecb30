"""Guests that turn on the ptrace platform itself: they get what Linux gives them, or die; the sentry goes on."""

from __future__ import annotations

import os
import signal

import pytest

from sandbox.arch import amd64
from sandbox.platform.base import GuestThread, Order
from sandbox.platform.ptrace import stub_image
from sandbox.platform.ptrace.stub_image import SCRATCH
from tests.integration.platform.machine import CODE, DATA, EXIT, STACK_TOP, Args, Machine, call, exit_with

_MMAP, _MUNMAP = 9, 11


def machine(source: str, kernel: object) -> Machine:
    return Machine(source, kernel, platform="ptrace")  # type: ignore[arg-type]


def never(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
    raise AssertionError(f"call {nr}")


def test_the_stubs_call_is_a_call_like_any_other() -> None:
    """Who jumps there is stopped there: the host never sees a call that the sentry has not ordered."""
    seen: list[int] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        seen.append(nr)
        if nr == EXIT:
            t.space.kill()
        else:
            t.reply(0)

    source = f" mov ${EXIT}, %eax\n movabs ${stub_image.SYSCALL}, %rbx\n call *%rbx\n hlt\n"
    m = machine(source, kernel).run()
    assert seen == [EXIT] and m.gone == [signal.SIGKILL]


@pytest.mark.parametrize("at", range(64))
def test_every_byte_of_the_stub_is_only_code(at: int) -> None:
    seen: list[int] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        seen.append(nr)
        t.space.kill()

    source = f" mov ${DATA}, %edi\n mov $7, %eax\n movabs ${stub_image.SYSCALL + at}, %rbx\n jmp *%rbx\n"
    m = machine(source, kernel).run()
    assert seen == ([7] if at == 0 else []) and len(m.faults) == (at != 0) and not m.mishaps


@pytest.mark.parametrize("nr", [1, 11, 60, 0x4000_0001])
def test_calls_of_other_tables_are_faults(nr: int) -> None:
    m = machine(f" mov ${nr}, %eax\n int $0x80\n", never).run()
    assert m.faults == [(signal.SIGSEGV, 0)] and not m.mishaps


def test_a_call_in_32_bit_code_is_a_fault() -> None:
    source = f" mov ${STACK_TOP - 256}, %esp\n push $0x23\n lea 1f(%rip), %rax\n push %rax\n lretq\n1: mov $1, %eax\n int $0x80\n"
    m = machine(source, never).run()
    assert m.faults == [(signal.SIGSEGV, 0)] and not m.mishaps


def test_who_writes_to_what_the_stub_reads_gets_no_descriptor() -> None:
    """A second thread fills the scratch page with garbage while files are lent and mapped."""
    rounds = 300
    left: list[int] = []
    others: list[GuestThread] = []
    results: set[bool] = set()
    fd = os.memfd_create("file")
    os.truncate(fd, 4096)

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr == EXIT:
            pid = t.address_space().host_pid()
            left.append(len(os.listdir(f"/proc/{pid}/fd")))
            t.address_space().kill()
        elif nr == 300:

            def cloned(other: GuestThread | None) -> None:
                assert other is not None
                others.append(other)
                other.set_reg(amd64.RIP, CODE + 0x800)
                other.resume()
                t.reply(0)

            t.clone_thread(cloned)
        else:

            def mapped(index: int, result: int) -> None:
                results.add(result == 0x300000)
                t.reply(0)

            t.execute([Order(_MMAP, (0x300000, 4096, 1, 0x12, 0, 0), host_fd=fd)], mapped)

    writer = f" .org 0x800\n movabs ${SCRATCH}, %rdi\n1: mov $64, %ecx\n mov %rcx, %rax\n push %rdi\n rep stosq\n pop %rdi\n jmp 1b\n"
    loop = f" mov ${rounds}, %ebx\n2: mov $301, %eax\n syscall\n dec %ebx\n jnz 2b\n"
    try:
        m = machine(call(300) + loop + exit_with() + writer, kernel).run(60)
    finally:
        os.close(fd)
    assert not m.mishaps and others and left == [1] and results


def test_a_process_that_the_host_kills_is_reported() -> None:
    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        os.kill(t.address_space().host_pid(), signal.SIGKILL)
        t.execute([Order(_MUNMAP, (DATA, 4096))], lambda index, result: pytest.fail("it was dead"))

    m = machine(call(39), kernel).run()
    assert m.gone == [signal.SIGKILL] and not m.mishaps


def test_what_is_frozen_goes_on_where_it_was() -> None:
    seen: list[int] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        seen.append(args[0])
        if len(seen) == 50:
            m.platform.freeze()
            m.reactor.call_after(20_000_000, m.platform.thaw)
        if nr == EXIT:
            t.address_space().kill()
        else:
            t.reply(args[0] + 1)

    loop = " xor %edi, %edi\n1: mov $39, %eax\n syscall\n mov %rax, %rdi\n cmp $200, %rdi\n jne 1b\n"
    machine(loop + exit_with("rdi"), kernel).run()
    assert seen == list(range(201))
