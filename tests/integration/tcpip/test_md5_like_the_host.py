"""TCP_MD5SIG: the host's kernel takes our signatures, and we take its."""

from __future__ import annotations

import sys

import pytest

from .conftest import Namespace
from .programs import tap_for_kernel

OPTION = """
import hashlib, socket, struct, sys
def option(address, key):
    return struct.pack("=128sBBHi80s", struct.pack("=HH4s", 2, 0, socket.inet_aton(address)), 0, 0, len(key), 0, key)
DATA = bytes(i * 7 & 255 for i in range(300_000))
def read(s, size):
    got = b""
    while len(got) < size:
        piece = s.recv(65536)
        assert piece, len(got)
        got += piece
    return got
def client(s):
    s.sendall(DATA)
    print(read(s, len(DATA)) == DATA, flush=True)
    s.sendall(b".")
def server(s):
    s.sendall(read(s, len(DATA)))
    assert s.recv(1) == b"."
    s.close()
"""
OURS = (
    OPTION
    + """
from tcpip.adapters.sockets import ThreadedStack
from tcpip.addr import parse
from tcpip.clock import MonotonicClock
from tcpip.link.tap import TapLink
from tcpip.stack.stack import Stack
stack = Stack(MonotonicClock())
stack.add_nic(TapLink("tap0"), "eth0").add_address(parse("10.9.0.2"), 24)
with ThreadedStack(stack) as host:
    s = host.socket()
    s.settimeout(20)
    s.setsockopt(6, 14, option("10.9.0.1", b"secret"))
    if sys.argv[1] == "server":
        s.bind(("10.9.0.2", 179))
        s.listen()
        print("ready", flush=True)
        server(s.accept()[0])
    else:
        s.connect(("10.9.0.1", 179))
        client(s)
        assert s.recv(1) == b""  # or the thread would end before the last byte is out
    print(stack.stats.tcp_ext.values.get("TCPMD5Failure", 0), flush=True)
"""
)
THEIRS = (
    OPTION
    + """
s = socket.socket()
s.settimeout(20)
s.setsockopt(6, 14, option("10.9.0.2", b"secret"))
if sys.argv[1] == "server":
    s.bind(("10.9.0.1", 179))
    s.listen()
    print("ready", flush=True)
    server(s.accept()[0])
else:
    s.connect(("10.9.0.2", 179))
    client(s)
"""
)


@pytest.mark.parametrize("ours", ["server", "client"])
def test_signed_text_goes_both_ways(ns: Namespace, ours: str) -> None:
    tap_for_kernel(ns)
    sides = {"server": OURS, "client": THEIRS} if ours == "server" else {"server": THEIRS, "client": OURS}
    first = ns.start(sys.executable, "-c", sides["server"], "server")
    assert first.stdout is not None
    assert first.stdout.readline() == "ready\n", first.stdout.read()
    assert ns.run(sys.executable, "-c", sides["client"], "client").splitlines()[0] == "True"
    first.communicate(timeout=20)
    assert first.returncode == 0
