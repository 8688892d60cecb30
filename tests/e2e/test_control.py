"""The control socket against whoever can reach it: bad messages end their connection and nothing else."""

from __future__ import annotations

import array
import os
import random
import socket
from pathlib import Path
from typing import Iterator

import pytest

from sandbox.control import wire
from sandbox.control.client import ControlClient, Refused, SandboxGone
from tests.e2e.bundles import change, needs_busybox
from tests.e2e.conftest import BOUND_S
from tests.e2e.containers import Shim, eventually

pytestmark = needs_busybox
EXEC = {
    "argv": ["true"],
    "env": ["PATH=/bin"],
    "cwd": "/",
    "uid": 0,
    "gid": 0,
    "groups": [],
    "umask": 0,
    "rlimits": [],
    "oom_score_adj": 0,
}


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    change(bundle, process__args=["/bin/sh", "-c", "echo ready; sleep 1000"])
    yield shim
    shim.close()


def connect(shim: Shim) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    directory = os.open(shim.root / "c", os.O_PATH)
    sock.connect(f"/proc/self/fd/{directory}/control")
    os.close(directory)
    sock.settimeout(BOUND_S)
    return sock


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_garbage(shim: Shim) -> None:
    pid = shim.start("c")
    shim.says("c", "ready")
    assert shim.status("c") == "running"
    before = descriptors(pid)
    rng = random.Random(7)
    good = [
        wire.encode(kind, body)
        for kind in (*wire.REQUESTS, 99)
        if kind != wire.WAIT
        for body in ({}, {"signal": "x"}, {"a": []})
    ]
    for n in range(200):
        with connect(shim) as sock:
            data = bytearray(rng.choice(good))
            if n % 4:
                for _ in range(rng.randrange(1, 4)):
                    data[rng.randrange(len(data))] = rng.randrange(256)
            if data[6:8] in (bytes([wire.PAUSE, 0]), bytes([wire.SIGNAL, 0])):
                continue
            fds = array.array("i", [0, 1, 2][: rng.randrange(4)])
            sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else [])
            if n % 2:
                sock.shutdown(socket.SHUT_WR)
    eventually(lambda: descriptors(pid) <= before, f"descriptors are left: {before} before, {descriptors(pid)} now")
    assert shim.status("c") == "running"


def test_who_only_connects_and_waits(shim: Shim) -> None:
    """More connections than there is room for: the others are hung up on, and once they go it answers again."""
    shim.start("c")
    waiting = [connect(shim) for _ in range(300)]
    for sock in waiting[:256]:
        sock.sendall(wire.encode(wire.WAIT, {}))
    assert waiting[-1].recv(1) == b""
    for sock in waiting:
        sock.close()
    eventually(lambda: shim.call("ps", "c").status == 0, "it does not answer")


def test_a_frame_that_never_ends(shim: Shim) -> None:
    shim.start("c")
    with connect(shim) as sock:
        sock.sendall(wire.HEADER.pack(b"sbxc", 1, wire.STATE, 100) + b'{"a":')
        assert shim.status("c") == "running"
    with connect(shim) as sock:
        sock.sendall(wire.HEADER.pack(b"sbxc", 1, wire.STATE, wire.BODY_LIMIT + 1))
        assert b"bad-message" in sock.recv(4096)
        assert sock.recv(1) == b""


def test_exec_that_is_wrong(shim: Shim) -> None:
    pid = shim.start("c")
    shim.says("c", "ready")
    assert shim.status("c") == "running"
    before = descriptors(pid)
    for body, fds in (
        ({}, 3),
        (EXEC, 2),
        ({**EXEC, "argv": []}, 3),
        ({**EXEC, "argv": ["nothing"]}, 3),
        ({**EXEC, "cwd": "/no"}, 3),
    ):
        client = ControlClient(str(shim.root / "c"))
        with pytest.raises(Refused):
            client.call(wire.EXEC, dict(body), [0] * fds)
        client.close()
    eventually(lambda: descriptors(pid) <= before, "descriptors are left")
    assert shim.call("ps", "c").out.count("\n") == 2  # the head, sleep


def test_hanging_up_kills(shim: Shim) -> None:
    shim.start("c")
    client = ControlClient(str(shim.root / "c"))
    client.call(wire.EXEC, {**EXEC, "argv": ["sleep", "4321"]}, [0, 1, 2])
    assert "sleep 4321" in shim.call("ps", "c").out
    client.close()
    eventually(lambda: "sleep 4321" not in shim.call("ps", "c").out, "it goes on without anybody")


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(SandboxGone):
        ControlClient(str(tmp_path))
    with pytest.raises(SandboxGone):
        ControlClient(str(tmp_path / "nothing"))
