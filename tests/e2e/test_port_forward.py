"""`runsc port-forward`: connections of the host to what listens inside, while the command and the container run."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.bundles import needs_busybox
from tests.e2e.conftest import BOUND_S, ROOT, command
from tests.e2e.containers import Shim
from tests.e2e.test_pod import KIND, SANDBOX

pytestmark = needs_busybox
SCRIPT = """mkdir /tmp/w; echo page > /tmp/w/p; httpd -h /tmp/w -p 127.0.0.1:80; httpd -h /tmp/w -p '[::1]:81'
nc -ll -p 8080 -e sh -c 'echo from 8080; exec cat' & echo ready; wait"""
GET = b"GET /p HTTP/1.0\r\n\r\n"


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    yield shim
    shim.close()


class Forward:
    """The command; `ports` as it prints them."""

    def __init__(self, shim: Shim, name: str, *rules: str) -> None:
        argv = command("--root", str(shim.root), "port-forward", name, *rules)
        self.process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline() for _ in rules]
        self.ports = [int(line.partition(" -> ")[0].rpartition(":")[2]) for line in lines]

    def ask(self, number: int, text: bytes = b"") -> bytes:
        """A connection's whole answer."""
        with socket.create_connection(("127.0.0.1", self.ports[number]), BOUND_S) as sock:
            found = b""
            try:
                sock.sendall(text)
                sock.shutdown(socket.SHUT_WR)
                while data := sock.recv(65536):
                    found += data
            except OSError:  # nobody is there, or not yet: it is closed at once
                pass
        return found

    def answers(self, number: int, text: bytes) -> bytes:
        """As soon as somebody listens."""
        for _ in range(1000):
            found = self.ask(number, text)
            if found:
                return found
        raise TimeoutError("nobody answers")

    def end(self) -> tuple[int, str]:
        out, err = self.process.communicate(timeout=BOUND_S)
        return self.process.returncode, out + err


def test_ports_of_a_container(shim: Shim) -> None:
    shim.start("c", "/bin/sh", "-c", SCRIPT)
    shim.says("c", "ready")
    forward = Forward(shim, "c", ":8080", "0:80", "127.0.0.1:0:81", ":9")
    assert forward.answers(0, b"x" * 300_000) == b"from 8080\n" + b"x" * 300_000
    assert forward.answers(1, GET).endswith(b"\r\n\r\npage\n")
    assert forward.answers(2, GET).endswith(b"\r\n\r\npage\n")  # at ::1 alone
    assert forward.ask(3) == b""  # nobody is there
    assert forward.process.poll() is None
    assert shim.call("kill", "c", "KILL").status == 0
    assert forward.end() == (0, "")


def test_of_a_pod_and_until_a_signal(shim: Shim) -> None:
    shim.start("pod", "/bin/sleep", "1000", annotations={KIND: "sandbox"})
    shim.start("c", "/bin/sh", "-c", SCRIPT, annotations={KIND: "container", SANDBOX: "pod"})
    shim.says("c", "ready")
    for name in ("pod", "c"):
        forward = Forward(shim, name, ":80")
        assert forward.answers(0, GET).endswith(b"page\n")
        forward.process.send_signal(signal.SIGTERM)
        assert forward.end() == (-signal.SIGTERM, "")


def test_bad_input(shim: Shim) -> None:
    shim.start("c", "/bin/sleep", "1000")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cases = [
            (("c",), "port-forward needs a container id and [ADDR:][LOCAL:]REMOTE"),
            (("none", "80"), "container does not exist"),
            (("c", f"{port}:80"), f"{port}:80: 127.0.0.1 port {port}: address in use"),
            (
                ("c", "nowhere.invalid:0:80"),
                "nowhere.invalid:0:80: nowhere.invalid port 0: not an address of this host",
            ),
            *(
                (("c", text), f"port-forward {text!r}: the form is [ADDR:][LOCAL:]REMOTE")
                for text in ("0", "x", "1:0", "1:2:")
            ),
        ]
        for words, says in cases:
            result = shim.call("port-forward", *words)
            assert (result.status, result.err) == (1, f"runsc: {says}\n")
            assert shim.last_error() == says
    assert shim.call("kill", "c", "KILL").status == 0
    shim.reap(shim.sentries[0])
    assert shim.call("port-forward", "c", "80").err == "runsc: container not running\n"


def test_only_a_connection_can_be_handed_in(shim: Shim) -> None:
    from sandbox.control import wire
    from sandbox.control.client import ControlClient, Refused

    shim.start("c", "/bin/sleep", "1000")
    pair = socket.socketpair()
    pipe = os.pipe()
    for fds, port in (((), 80), ((pair[0].fileno(),), 80), ((pipe[0],), 80), ((0, 1), 80), ((pipe[0],), 65536)):
        client = ControlClient(str(shim.root / "c"))
        with pytest.raises(Refused):
            client.call(wire.FORWARD, {"port": port}, fds)
        client.close()
    for end in pair:
        end.close()
    assert not select.select([pipe[0]], [], [], 0)[0]
    for fd in pipe:
        os.close(fd)
    assert shim.status("c") == "running"
