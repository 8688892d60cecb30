"""Assembly for a guest that plays the stub's part itself: it calls the stub's gates from code of its own."""

from __future__ import annotations

from sandbox.platform.lane import layout

SEQ = 1 << 20
PRIVATE, SHARED = layout.STACKS_BASE, layout.LANES_BASE  # the first thread's lanes


def poke(address: int, value: int | str) -> str:
    return f" movabs ${value}, %rax\n movabs ${address}, %rbx\n mov %rax, (%rbx)\n"


def hypercall(op: int, first: int, second: int = 0) -> str:
    """The stub's own function, called from guest code: it comes back to guest code."""
    return f" mov ${op}, %edi\n mov ${first}, %esi\n mov ${second}, %edx\n mov ${layout.STUB_BASE + 0x10:#x}, %rcx\n call *%rcx\n"


def say(lane: int, seq: int, words: dict[int, int], slot: int = 0) -> str:
    """Post a request of one's own making and wait for the answer."""
    pokes = "".join(poke(lane + word * 8, value) for word, value in {**words, layout.LANE_SEQ: seq}.items())
    wait = f" movabs ${lane + layout.LANE_DONE * 8}, %rbx\n cmpq ${seq}, (%rbx)\n jne 7b\n"
    return pokes + "7:" + hypercall(layout.HYPER_PARK, slot, seq) + wait


def ask(lane: int, nr: int) -> str:
    return say(lane, SEQ, {layout.LANE_KIND: layout.KIND_SYSCALL, layout.LANE_NR: nr})


def report(lane: int, result: int) -> str:
    done = {layout.LANE_KIND: layout.KIND_DONE, layout.LANE_INDEX: 0, layout.LANE_RESULT: result}
    return say(lane, SEQ + 1, done)


def order(lane: int) -> str:
    """Have the first order executed; what it returned is in rax."""
    return f" movabs ${lane + layout.LANE_ORDERS * 8}, %rdi\n mov ${layout.STUB_BASE + 0x20:#x}, %rcx\n call *%rcx\n"
