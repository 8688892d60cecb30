"""Frames and messages of the control protocol: what goes in comes out, and nothing else does harm."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.boot.options import Program
from sandbox.control import wire
from sandbox.control.messages import BadMessage, Fields, program_body, program_of
from sandbox.control.wire import BadFrame, Decoder

BODIES = st.dictionaries(st.text(), st.one_of(st.none(), st.booleans(), st.integers(), st.text()), max_size=5)


@given(bodies=st.lists(BODIES, max_size=4), cuts=st.lists(st.integers(1, 40), max_size=60))
def test_frames_arrive_however_they_are_cut(bodies: list[wire.Body], cuts: list[int]) -> None:
    data = b"".join(wire.encode(n, body) for n, body in enumerate(bodies))
    decoder, found = Decoder(), []
    while data:
        cut = cuts.pop() if cuts else len(data)
        decoder.feed(data[:cut], [])
        data = data[cut:]
        while (frame := decoder.next()) is not None:
            found.append((frame.kind, frame.body))
    assert found == list(enumerate(bodies))


@given(data=st.binary(max_size=200))
def test_garbage_is_a_bad_frame_or_incomplete(data: bytes) -> None:
    decoder = Decoder()
    decoder.feed(data, [])
    try:
        while decoder.next() is not None:
            pass
    except BadFrame:
        pass


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ((b"xxxx", 1, 1, 2), "not a control message"),
        ((b"sbxc", 2, 1, 2), "version 2"),
        ((b"sbxc", 1, 1, wire.BODY_LIMIT + 1), "more than a message may have"),
    ],
)
def test_headers_are_checked_before_anything_is_read(header: tuple[bytes, int, int, int], why: str) -> None:
    decoder = Decoder()
    decoder.feed(wire.HEADER.pack(*header), [])
    with pytest.raises(BadFrame, match=why):
        decoder.next()


@pytest.mark.parametrize("body", [b"[]", b"{", b"1", b"[" * 100_000])
def test_bodies_are_objects(body: bytes) -> None:
    decoder = Decoder()
    decoder.feed(wire.HEADER.pack(b"sbxc", 1, 1, len(body)) + body, [])
    with pytest.raises(BadFrame):
        decoder.next()


def test_too_much_is_not_sent() -> None:
    with pytest.raises(BadFrame):
        wire.encode(1, {"a": "x" * wire.BODY_LIMIT})


def test_too_many_descriptors_are_closed() -> None:
    fds = [os.open(os.devnull, os.O_RDONLY) for _ in range(wire.FDS_LIMIT + 1)]
    with pytest.raises(BadFrame):
        Decoder().feed(b"x", list(fds))
    for fd in fds:
        with pytest.raises(OSError):
            os.fstat(fd)


def a_program() -> Program:
    program = Program([b"sh", b"\xff\x80"], [b"A=\xe9"], b"/tmp")
    program.uid, program.gid, program.groups, program.umask = 1, 2, (3, 4), 0o77
    program.rlimits = {7: (10, 20)}
    program.capability_sets = (1, 2, 3, 4, 5)
    program.no_new_privs, program.oom_score_adj = True, -7
    return program


def test_a_program_arrives_as_it_was() -> None:
    body = json.loads(json.dumps(program_body(a_program())))
    found = program_of(Fields(body))
    for name in Program.__slots__:
        if name != "search":
            assert getattr(found, name) == getattr(a_program(), name), name


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats()),
    lambda inner: st.lists(inner, max_size=3),
)


@given(name=st.sampled_from(sorted(program_body(a_program()))), value=JUNK)
def test_every_field_of_a_program_is_checked(name: str, value: object) -> None:
    """Whatever stands there, there is a program or a BadMessage."""
    try:
        program = program_of(Fields({**program_body(a_program()), name: value}))
    except BadMessage:
        return
    assert program.argv and all(b"\0" not in word for word in (*program.argv, *program.env, program.cwd))


@pytest.mark.parametrize(
    "name", [name for name in program_body(a_program()) if name not in ("capabilities", "no_new_privs", "scheduling")]
)
def test_a_missing_field_is_named(name: str) -> None:
    body = program_body(a_program())
    del body[name]
    with pytest.raises(BadMessage, match=name):
        program_of(Fields(body))
