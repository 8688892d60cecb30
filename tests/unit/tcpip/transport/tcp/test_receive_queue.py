"""The queue of received text beside a plain byte string."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tcpip.transport.tcp.receive_queue import ReceiveQueue

STEPS = st.lists(st.tuples(st.sampled_from(["append", "read", "peek", "put back", "discard"]), st.integers(0, 1500)))


@given(STEPS)
def test_it_is_a_queue_of_bytes(steps: list[tuple[str, int]]) -> None:
    queue, expected, taken, count = ReceiveQueue(), b"", b"", 0
    for what, size in steps:
        if what == "append":
            data = bytes((count + n) % 251 for n in range(size))
            count += size
            queue.append(data)
            expected += data
        elif what == "discard":
            assert queue.discard(size) == len(expected[:size])
            expected = expected[size:]
        elif what == "put back":
            back = taken[max(0, len(taken) - size) :]
            queue.put_back(memoryview(back))
            expected = back + expected
            taken = b""
        else:
            buffer = memoryview(bytearray(size))
            got = queue.read_into(buffer, what == "peek")
            assert bytes(buffer[:got]) == expected[:size]
            if what == "read":
                taken, expected = expected[:size], expected[size:]
        if what == "discard":
            taken = b""
        assert queue.size == len(expected)
