"""What the stub copies ahead of a call and after it: the same bytes and the same faults as from memory itself."""

from __future__ import annotations

import pytest

from sandbox.platform.base import COPY_IN, COPY_OUT, COPY_STRING, Copy, GuestThread, MemoryFault, Order
from sandbox.platform.host_space import HostSpace
from sandbox.platform.lane import layout
from sandbox.platform.lane.space import LaneSpace
from tests.integration.platform.machine import DATA, DATA_SIZE, Args, Machine, call
from tests.integration.platform.own_stub import SEQ, poke, say
from tests.integration.platform.test_lane_attacks import MANY_CALLS

_GETPID, _PUT, _GET, _OPEN, _END = 39, 1, 0, 2, 60
_LAST = DATA + DATA_SIZE
TABLE = {
    _PUT: (Copy(COPY_IN, 1, 1, 2),),
    _GET: (Copy(COPY_OUT, 1, 1, 2),),
    _OPEN: (Copy(COPY_STRING, 0), Copy(COPY_OUT, 1, 16)),
}


class Kernel:
    """`ask` sees each call of the table and answers; `reads` counts what was looked up in the guest's memory."""

    def __init__(self) -> None:
        self.found: list[object] = []

    def __call__(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr == _GETPID:
            t.reply(0)
        elif nr == _END:
            self.found.append(args[0])
            t.address_space().kill()
        else:
            try:
                t.reply(self.serve(t, nr, args))
            except MemoryFault as fault:
                self.found.append(("fault", fault.done))
                t.reply(-14)

    def serve(self, t: GuestThread, nr: int, args: Args) -> int:
        if nr == _PUT:
            self.found.append(t.read(args[1], args[2]))
            return args[2]
        if nr == _GET:
            t.write(args[1], b"answer"[: args[2]])
            return min(6, args[2])
        self.found.append(t.read_cstr(args[0], 4096))
        t.write(args[1], bytes(range(16)))
        return 0


def run(source: str, kernel: Kernel, copies: bool = True) -> Machine:
    m = Machine(MANY_CALLS + source, kernel)
    if copies:
        m.platform.copy_ahead(TABLE)
    return m.run()


def text(address: int, data: bytes) -> str:
    padded = data.ljust((len(data) + 7) // 8 * 8, b"\0")
    return "".join(poke(address + n, int.from_bytes(padded[n : n + 8], "little")) for n in range(0, len(padded), 8))


END = f" mov ({DATA}), %rdi\n mov ${_END}, %eax\n syscall\n"
CASES = {
    "a buffer": text(DATA + 100, b"0123456789") + call(_PUT, 7, DATA + 100, 10) + END,
    "nothing": call(_PUT, 7, DATA, 0) + END,
    "to the end": text(_LAST - 8, b"the end!") + call(_PUT, 7, _LAST - 8, 8) + END,
    "beyond the end": call(_PUT, 7, _LAST - 8, 9) + END,
    "too long for a lane": call(_PUT, 7, DATA, 9000) + END,
    "no address": call(_PUT, 7, 0, 5) + END,
    "the stub's part": call(_PUT, 7, layout.LANES_BASE, 8) + END,
    "a size that wraps": call(_PUT, 7, DATA, -1) + END,
    "into a buffer": call(_GET, 7, DATA, 8) + END,
    "a short answer into a long buffer": call(_GET, 7, DATA, 1 << 20) + END,
    "a buffer without end": call(_GET, 7, DATA, -1) + END,
    "over the end": call(_GET, 7, _LAST - 4, 8) + END,
    "into code": call(_GET, 7, 0x100000, 8) + END,
    "over two pages": call(_GET, 7, DATA + 4093, 8) + f" mov ({DATA + 4093}), %rdi\n mov ${_END}, %eax\n syscall\n",
    "a string and a structure": text(DATA + 8, b"/a/path") + call(_OPEN, DATA + 8, DATA) + END,
    "a string to the end": text(_LAST - 8, b"no end!!") + call(_OPEN, _LAST - 8, DATA) + END,
    "the same for both": text(DATA, b"self") + call(_OPEN, DATA, DATA) + END,
}


@pytest.mark.parametrize("name", CASES)
def test_a_copy_is_as_good_as_memory(name: str) -> None:
    with_copies, without = Kernel(), Kernel()
    a = run(CASES[name], with_copies)
    b = run(CASES[name], without, copies=False)
    assert with_copies.found == without.found
    assert a.gone == b.gone and not a.faults and not a.mishaps and len(with_copies.found) >= 1


@pytest.mark.interpreted
def test_what_is_copied_needs_no_look_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def look(self: LaneSpace, address: int, size: int) -> bytes:
        looks.append(address)
        return b""

    monkeypatch.setattr(LaneSpace, "read", look)
    kernel = Kernel()
    run(text(DATA + 100, b"0123456789") + call(_PUT, 7, DATA + 100, 10) + END, kernel)
    assert not looks and kernel.found[0] == b"0123456789"


@pytest.mark.interpreted
def test_a_short_answer_goes_back_through_the_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the buffer is."""
    monkeypatch.delattr(HostSpace, "write")
    kernel = Kernel()
    run(call(_GET, 7, DATA, 1 << 20) + END, kernel)
    assert kernel.found == [int.from_bytes(b"answer\0\0", "little")]


def test_memory_that_goes_away_before_the_answer_is_efault() -> None:
    """The kernel takes the page away between the question and the answer, as another thread might."""

    class Taking(Kernel):
        def __call__(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
            if nr != _GET:
                super().__call__(m, t, nr, args)
                return
            order = Order(11, (DATA + 8192, 4096))

            def taken(index: int, result: int) -> None:
                t.write(args[1], b"answer")
                t.reply(6)

            t.execute([order], taken)

    kernel = Taking()
    source = call(_GET, 7, DATA + 8192, 8) + " mov %rax, %rdi\n" + f" mov ${_END}, %eax\n syscall\n"
    m = run(source, kernel)
    assert kernel.found == [2**64 - 14] and not m.faults


@pytest.mark.parametrize(
    "piece",
    [
        (DATA, 1 << layout.COPIED_KIND | 8 | 4096 * 9 << layout.COPIED_AT),
        (DATA, 1 << layout.COPIED_KIND | 0xFFFF_FFFF | 4096 << layout.COPIED_AT),
        (DATA, 1 << layout.COPIED_KIND | 8),
        (DATA, 2 << layout.COPIED_KIND | 0xFFFF_FFFF | 0xFFFF << layout.COPIED_AT),
        (DATA, 3 << layout.COPIED_KIND | 4096 | 8192 << layout.COPIED_AT),
        (layout.STUB_BASE, 2 << layout.COPIED_KIND | 8 | 4096 << layout.COPIED_AT),
    ],
)
def test_pieces_that_a_guest_has_forged_hurt_only_itself(piece: tuple[int, int]) -> None:
    """A guest that posts by itself, with pieces of its own making."""
    lane = layout.LANES_BASE
    words = {layout.LANE_KIND: layout.KIND_SYSCALL, layout.LANE_COPIES: 1 << 40}
    for n in range(layout.MAX_COPIES):
        words[layout.LANE_COPY + 2 * n], words[layout.LANE_COPY + 2 * n + 1] = piece
    served = []

    class Using(Kernel):
        def __call__(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
            if nr == _GETPID:
                t.reply(0)
                return
            for use in (
                lambda: t.read(piece[0], 8),
                lambda: t.read_cstr(piece[0], 64),
                lambda: t.write(piece[0], b"x" * 8),
            ):
                try:
                    use()
                except (MemoryFault, ValueError):
                    pass
            served.append(nr)
            t.address_space().kill()

    words[layout.LANE_NR] = _PUT
    m = run(say(lane, SEQ, words), Using())
    assert served == [_PUT] and not m.mishaps
