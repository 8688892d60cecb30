"""examples/nat_router.py between two namespaces of the host's kernel: what goes through, what does not, and the counters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.integration.tcpip.conftest import ROOT, Namespace

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces")

INSIDE, OUTSIDE, ROUTER = "192.168.7.2", "203.0.113.2", "203.0.113.1"

SERVER = """
import hashlib, socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    c, peer = s.accept()
    h = hashlib.sha256()
    while data := c.recv(65536):
        h.update(data)
    c.sendall(f"{peer[0]} {h.hexdigest()}".encode())
    c.close()
"""
CLIENT = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[4]))
s.sendall(bytes(range(256)) * (int(sys.argv[3]) // 256))
s.shutdown(1)
print(s.recv(1000).decode())
"""


class Networks:
    """A router's namespace and one on each side."""

    def __init__(self) -> None:
        self.router, self.inside, self.outside = Namespace(), Namespace(), Namespace()
        for link, end in (("in0", self.inside), ("out0", self.outside)):
            self.router.run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", end.name)
            self.router.run("ip", "link", "set", link, "up")
        for end, address, via in ((self.inside, INSIDE, "192.168.7.1"), (self.outside, OUTSIDE, ROUTER)):
            end.run("ip", "addr", "add", f"{address}/24", "dev", "eth0")
            end.run("ip", "link", "set", "eth0", "up")
            end.run("ip", "route", "add", "default", "via", via)
        environment = ("env", f"PYTHONPATH={ROOT}", sys.executable)
        self.child = self.router.start(*environment, "examples/nat_router.py", "in0", "out0")
        self.wait_ready(self.child)

    def wait_ready(self, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None and child.stdout.readline() == "ready\n", child.stdout.read()

    def serve(self, where: Namespace, address: str, port: int) -> None:
        self.wait_ready(where.start(sys.executable, "-c", SERVER, address, str(port)))

    def ask(self, where: Namespace, address: str, port: int, size: int, patience: float = 30) -> list[str]:
        words = (sys.executable, "-c", CLIENT, address, str(port), str(size), str(patience))
        return where.run(*words, check=False).split()


@pytest.fixture
def networks() -> Iterator[Networks]:
    made = Networks()
    yield made
    for namespace in (made.router, made.inside, made.outside):
        namespace.close()


def test_nat_router(networks: Networks) -> None:
    import hashlib

    inside, outside = networks.inside, networks.outside
    size = 4 << 20
    digest = hashlib.sha256(bytes(range(256)) * (size // 256)).hexdigest()
    networks.serve(outside, OUTSIDE, 9000)
    assert networks.ask(inside, OUTSIDE, 9000, size) == [ROUTER, digest]
    networks.serve(inside, INSIDE, 80)
    assert networks.ask(outside, ROUTER, 8080, size) == [OUTSIDE, digest]
    assert "2 received" in inside.run("ping", "-c2", "-i0.1", "-s", "4000", OUTSIDE)
    assert "1 received" in outside.run("ping", "-c1", ROUTER)
    assert "0 received" in outside.run("ping", "-c1", "-W0.3", INSIDE, check=False)
    assert networks.ask(outside, INSIDE, 80, 256, 0.5) == []
    assert networks.ask(outside, ROUTER, 81, 256, 0.5) == []
    counts = dict(line.split(": ") for line in networks.router.stop(networks.child).splitlines() if ": " in line)
    packets = {name: int(value.split()[0]) for name, value in counts.items()}
    assert packets["port 8080"] == 1 and packets["forwarded port"] == 1 and packets["masquerade"] == 2
    assert packets["known"] > 100 and packets["pings"] >= 1
