"""The shim's protocol: protocol buffers and ttrpc frames, right and wrong ones, and the options it is given."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runsc.shim import ttrpc
from runsc.shim.command_line import Arguments, Failure
from runsc.shim.loop import Loop
from runsc.shim.options import checkpoint_options, flags_of, options_of
from runsc.shim.protobuf import BadMessage, Fields, any_of, message, timestamp
from runsc.shim.task import metrics
from runsc.shim.ttrpc import CallError, Connection, Request, frame

# What the reference implementation (protobuf 7.36) makes of an Any, a Timestamp and a negative number.
ANY = bytes.fromhex("0a0161120201ff")
TIMESTAMP = bytes.fromhex("088094ebdc0310f4cbb5d702")
NEGATIVE = bytes.fromhex("08ffffffffffffffffff01")


def test_messages_as_others_write_them() -> None:
    assert any_of("a", b"\x01\xff") == ANY
    assert timestamp(1_000_000_000_720_201_204) == TIMESTAMP
    assert message((1, -1)) == NEGATIVE
    assert message((1, 0), (2, ""), (3, b""), (4, False), (5, [])) == b""


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, (1 << 64) - 1) | st.binary(max_size=300))))
def test_what_is_written_is_read(fields: list[tuple[int, int | bytes]]) -> None:
    kinds = {number: value for number, value in fields}
    rows = [(number, value) for number, value in fields if type(value) is type(kinds[number])]
    found = Fields(message(*rows))
    for number, value in kinds.items():
        if isinstance(value, int):
            wanted = [v for n, v in rows if n == number and v]
            assert found.number(number) == (wanted[-1] if wanted else 0)
        else:
            assert found.all(number) == [v for n, v in rows if n == number and v]


@given(st.binary(max_size=400))
def test_no_bytes_break_a_reader(data: bytes) -> None:
    try:
        found = Fields(data)
        for number in range(1, 20):
            try:
                found.number(number)
            except BadMessage:
                found.all(number)
    except BadMessage:
        pass


class Served:
    """A connection whose requests are noted, and answered with their body."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.ours.settimeout(5)
        self.requests: list[Request] = []
        self.connection = Connection(self.loop, theirs, self.serve)

    def serve(self, request: Request) -> None:
        self.requests.append(request)
        if request.method == "Refuse":
            raise CallError(ttrpc.NOT_FOUND, "none")
        request.answer(request.body.data(1))

    def take(self, data: bytes) -> None:
        """What comes, in one piece, and what the loop makes of it."""
        self.ours.sendall(data)
        self.connection._ready(1)

    def close(self) -> None:
        self.connection.close()
        self.ours.close()


@pytest.fixture
def served() -> Served:
    return Served()


def call(stream: int, method: str, body: bytes) -> bytes:
    return frame(stream, ttrpc.REQUEST, message((1, "service"), (2, method), (3, body)))


def test_calls(served: Served) -> None:
    data = call(1, "Echo", message((1, b"one"))) + call(3, "Refuse", b"")
    for at in range(0, len(data), 7):
        served.take(data[at : at + 7])
    decoder = ttrpc.Decoder()
    decoder.feed(served.ours.recv(4096))
    first, second = decoder.next(), decoder.next()
    assert first is not None and first[:2] == (1, ttrpc.RESPONSE) and Fields(first[2]).data(2) == b"one"
    assert second is not None and second[0] == 3
    status = Fields(second[2]).inner(1)
    assert (status.number(1), status.text(2)) == (ttrpc.NOT_FOUND, "none")
    served.take(call(5, "Echo", b"\x08"))  # a body that is no message
    decoder.feed(served.ours.recv(4096))
    third = decoder.next()
    assert third is not None and Fields(third[2]).inner(1).number(1) == ttrpc.INVALID_ARGUMENT
    served.close()


@pytest.mark.parametrize(
    "data",
    [
        ttrpc.HEADER.pack(ttrpc.LIMIT + 1, 1, ttrpc.REQUEST, 0),
        frame(2, ttrpc.REQUEST, b""),
        frame(1, ttrpc.RESPONSE, b""),
        frame(1, ttrpc.REQUEST, b"\x0b"),
    ],
)
def test_what_is_unfit_hangs_up(served: Served, data: bytes) -> None:
    served.take(data)
    assert served.connection.closed and not served.requests
    served.ours.close()


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=60) | st.builds(call, st.integers(0, 9), st.just("Echo"), st.binary(max_size=20))))
def test_no_frames_break_a_connection(pieces: list[bytes]) -> None:
    served = Served()
    for piece in pieces:
        if served.connection.closed:
            break
        if piece:
            served.take(piece)
    served.close()


def test_options() -> None:
    assert options_of(Fields(b"")).flags == ()
    inner = message((3, '[runsc]\noverlay = true\nallow = ["a:1", "b:2"]\n'))
    found = options_of(Fields(any_of("runtimeoptions.v1.Options", inner))).flags
    assert found == ("--overlay=true", "--allow=a:1", "--allow=b:2")
    for text in ("[runsc]\nnothing = 1", "[other]", "[runsc]\nroot = '/x'", "[", "runsc = 1"):
        with pytest.raises(CallError):
            flags_of(text, "file")
    with pytest.raises(CallError, match="not known"):
        options_of(Fields(any_of("containerd.linux.runc.RuncOptions", b"")))


def test_options_of_runc() -> None:
    """containerd.runc.v1.Options and what clients of containerd 1 send instead."""
    options, create = "types.containerd.io/containerd.runc.v1.Options", "containerd.linux.runc.CreateOptions"
    for kind in (options, create):
        found = options_of(Fields(any_of(kind, message((1, 1)))))
        assert (found.flags, found.root, found.owner, found.shim_group) == ((), "", None, "")
    found = options_of(
        Fields(any_of(options, message((3, "/g"), (5, 7), (7, "/r"), (9, 1), (12, "unix:///a"), (13, 2))))
    )
    assert (found.flags, found.root, found.owner, found.shim_group) == (("--systemd-cgroup",), "/r", (0, 7), "/g")
    found = options_of(Fields(any_of(create, message((4, 1), (5, 1), (8, 1), (9, "/g"), (10, 7)))))
    assert (found.owner, found.shim_group) == ((7, 0), "/g")
    for kind, fields in (
        (options, (6, "/usr/bin/runc")), (options, (10, "/x")), (options, (7, "../r")), (options, (3, "/g/../h")),
        (create, (2, 1)), (create, (6, [b"network"])), (create, (7, "soft")), (create, (12, "/x")),
    ):  # fmt: skip
        with pytest.raises(CallError, match="option "):
            options_of(Fields(any_of(kind, message(fields))))


def test_options_of_a_checkpoint() -> None:
    """CheckpointTaskRequest (api/runtime/task/v2/shim.proto)."""
    kind = "containerd.runc.v1.CheckpointOptions"
    assert checkpoint_options(Fields(message((1, "c"), (2, "/image")))) == ("/image", False)
    asked = message((1, "c"), (2, "/image"), (3, any_of(kind, message((1, 1), (4, 1), (8, "/other")))))
    assert checkpoint_options(Fields(asked)) == ("/other", True)
    older = any_of("containerd.linux.runc.CheckpointOptions", message((1, 1), (9, "/third")))
    assert checkpoint_options(Fields(message((1, "c"), (3, older)))) == ("/third", True)
    for name, inner in ((kind, message((2, 1))), ("other.Options", b"")):
        with pytest.raises(CallError):
            checkpoint_options(Fields(message((2, "/image"), (3, any_of(name, inner)))))


def test_statistics() -> None:
    """Where cgroups/stats/v1/metrics.proto has them."""
    used = {
        "pids": 2,
        "pids_limit": 9,
        "cpu_ns": 7,
        "cpu_user_ns": 5,
        "cpu_system_ns": 2,
        "memory": 3,
        "memory_limit": 4,
    }
    used |= {"page_faults": 80, "major_page_faults": 6}
    found = Fields(metrics(used | {"periods": 12, "throttledPeriods": 5, "throttledTime": 900}))
    cpu = Fields(found.all(3)[0])
    usage, throttling = Fields(cpu.all(1)[0]), Fields(cpu.all(2)[0])
    assert [usage.number(n) for n in (1, 2, 3)] == [7, 2, 5] and [throttling.number(n) for n in (1, 2, 3)] == [
        12,
        5,
        900,
    ]
    assert Fields(found.all(2)[0]).number(1) == 2
    memory = Fields(found.all(4)[0])
    assert [memory.number(n) for n in (2, 9, 10, 16, 19, 26, 27)] == [3, 80, 6, 4, 3, 80, 6]


def test_arguments() -> None:
    found = Arguments(["-namespace", "n", "--id=x", "-debug", "-address", "/a", "start"])
    assert (found.values["namespace"], found.values["id"], found.verb) == ("n", "x", "start")
    with pytest.raises(Failure, match="-nothing"):
        Arguments(["-nothing"])
