"""A further container over the control socket: what is written is read, and nothing else is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.boot.options import ContainerOptions, DeviceOptions, MountOptions, NetworkOptions, Program, SandboxOptions
from sandbox.control import wire
from sandbox.control.container_body import container_body, options_of
from sandbox.control.messages import BadMessage
from sandbox.control.wire import Frame


def sample() -> SandboxOptions:
    program = Program([b"sh", b"\xff"], [b"A=b"], b"/tmp")
    program.capability_sets = (1, 2, 3, 4, 5)
    options = SandboxOptions(program, MountOptions("overlay", b"/", 15, b"/r", True), NetworkOptions("none"))
    tmpfs = MountOptions("tmpfs", b"/tmp")
    tmpfs.data, tmpfs.flags, tmpfs.propagation, tmpfs.copy_up = b"size=4096", 2, 1 << 20, True
    options.mounts = [MountOptions("bind", b"/v", 16, b"/v"), tmpfs, MountOptions("bind", b"/w", 17)]
    options.stdio = (10, 11, 12)
    options.window = bytes(range(8))
    options.limits.pids = 7
    container = options.container = ContainerOptions()
    container.control_fd, container.status_fd = 13, 14
    container.more_fds = (18, 19)
    container.seccomp = ((6, 0, 0, 1), (7, 0, 0, 2))
    container.masked_paths = (b"/m",)
    device = DeviceOptions(b"/dev/x", 1, 7)
    device.mode, device.uid, device.gid = 0o640, 3, 4
    container.devices = (device,)
    container.start_hooks = ((Program([b"hook"], []), 5),)
    return options


def test_what_is_written_is_read() -> None:
    body, fds = container_body(sample(), "one", "two")
    assert fds == list(range(10, 20))
    found = options_of(Frame(wire.CREATE, json.loads(json.dumps(body)), fds))
    again, numbers = container_body(found, "one", "two")
    assert (again, numbers) == (body, fds)
    assert found.container is not None and found.container.more_fds == (18, 19)
    assert [mount.fd for mount in found.mounts] == [16, -1, 17]


def test_too_few_descriptors() -> None:
    body, fds = container_body(sample(), "one", "")
    for count in range(8):
        with pytest.raises(BadMessage):
            options_of(Frame(wire.CREATE, body, fds[:count]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_a_field_that_is_wrong_is_refused(data: st.DataObject) -> None:
    body, fds = container_body(sample(), "one", "")
    document: Any = json.loads(json.dumps(body))
    place = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(JSON)
        break
    try:
        options_of(Frame(wire.CREATE, document, fds))
    except BadMessage:
        pass
