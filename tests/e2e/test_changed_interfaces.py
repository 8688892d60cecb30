"""A container's interfaces change in its network namespace while it runs, as an engine or an operator changes them: the
sandbox follows, and the host's own stack does not answer in its place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from sandbox.gateway.interface_follower import SPARES
from tests.e2e.bundles import needs_busybox
from tests.e2e.conftest import BOUND_S
from tests.e2e.containers import Shim, eventually
from tools import netns

pytestmark = [
    needs_busybox,
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="makes network namespaces"),
]


def ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=BOUND_S).stdout


class Wire:
    """A running container `c` in a namespace with `eth0`; `far` has the other ends."""

    def __init__(self, bundle: Path) -> None:
        self.near, self.far = netns.add(), netns.add()
        ip("-n", self.near, "link", "set", "lo", "up")
        self.pair("eth0", 1)
        ip("-n", self.near, "addr", "add", "10.197.1.2/24", "dev", "eth0")
        ip("-n", self.near, "route", "add", "default", "via", "10.197.1.1")
        self.shim = Shim(bundle)
        spaces = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]
        path = f"/run/netns/{self.near}"
        self.shim.start("c", "/bin/sleep", "1000", linux__namespaces=[*spaces, {"type": "network", "path": path}])

    def pair(self, name: str, number: int, up: bool = True) -> None:
        """One more wire: address 1 of a subnet there, none here."""
        ip("-n", self.near, "link", "add", name, "type", "veth", "peer", "name", name, "netns", self.far)
        ip("-n", self.far, "addr", "add", f"10.197.{number}.1/24", "dev", name)
        ip("-n", self.far, "link", "set", name, "up")
        if up:
            ip("-n", self.near, "link", "set", name, "up")

    def host(self, words: str) -> None:
        """In the container's namespace, with the host's tools."""
        ip("-n", self.near, *words.split())

    def inside(self, *words: str) -> str:
        return self.shim.call("exec", "c", *words).out

    def shows(self, text: str, *words: str) -> None:
        """Wait until a command inside prints it; none of it with `!` before."""
        wanted = not text.startswith("!")
        text = text.lstrip("!")
        eventually(lambda: (text in self.inside(*words)) is wanted, f"{words}: {text!r} in {self.inside(*words)!r}")

    def answers(self, address: str) -> bool:
        """Whether somebody there answers pings from the far end."""
        words = ["ip", "netns", "exec", self.far, "ping", "-c", "1", "-W", "1", address]
        return subprocess.run(words, capture_output=True, timeout=BOUND_S).returncode == 0

    def close(self) -> None:
        self.shim.close()
        netns.remove(self.near)
        netns.remove(self.far)


@pytest.fixture
def wire(bundle: Path) -> Iterator[Wire]:
    found = Wire(bundle)
    yield found
    found.close()


def test_the_first_interface(wire: Wire) -> None:
    assert wire.answers("10.197.1.2")
    wire.host("link set eth0 mtu 1400")
    wire.shows("mtu 1400 ", "ip", "link")
    wire.host("link set eth0 mtu 1500")
    wire.shows("mtu 1500 ", "ip", "link")
    wire.host("addr add 10.197.1.3/24 dev eth0")
    wire.shows("inet 10.197.1.3/24", "ip", "addr")
    assert wire.answers("10.197.1.3") and wire.answers("10.197.1.2")
    switch = "echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6"  # as engines do before
    subprocess.run(["ip", "netns", "exec", wire.near, "sh", "-c", switch], check=True, timeout=BOUND_S)
    wire.host("addr add fd97::3/64 dev eth0")
    wire.shows("inet6 fd97::3/64", "ip", "addr")
    wire.host("route add 192.0.2.0/24 via 10.197.1.1 metric 9")
    wire.shows("192.0.2.0/24 via 10.197.1.1", "ip", "route")
    wire.host("route del 192.0.2.0/24")
    wire.shows("!192.0.2.0/24", "ip", "route")
    wire.host("addr del 10.197.1.3/24 dev eth0")
    wire.shows("!10.197.1.3", "ip", "addr")
    eventually(lambda: not wire.answers("10.197.1.3"), "an address that was taken away answers")
    assert "10.197.1.2" in wire.inside("ip", "addr") and wire.answers("10.197.1.2")
    wire.host("link set eth0 down")
    wire.shows("!,UP", "ip", "link", "show", "dev", "eth0")
    wire.host("link set eth0 up")
    wire.shows(",UP", "ip", "link", "show", "dev", "eth0")
    eventually(lambda: wire.answers("10.197.1.2"), "an interface that is up again does not answer")


def test_more_interfaces(wire: Wire) -> None:
    """They come and go more often than there are sockets for them; one that is down is not there yet."""
    for turn in range(12):
        wire.pair("eth1", 2, up=False)
        wire.host("addr add 10.197.2.2/24 dev eth1")
        assert "eth1" not in wire.inside("ip", "link")
        wire.host("link set eth1 up")
        wire.shows("10.197.2.2/24", "ip", "addr")
        eventually(lambda: wire.answers("10.197.2.2"), f"eth1 does not answer, {turn} times before it did")
        if turn == 0:
            wire.host("link set eth1 down")
            wire.host("link set eth1 name other")
            wire.host("link set other up")
            wire.shows("other", "ip", "link")
            wire.host("link set other name eth1")
            wire.shows("eth1", "ip", "link")
        wire.host("link del eth1")
        wire.shows("!eth1", "ip", "link")
    assert wire.answers("10.197.1.2")


def test_more_than_there_are_sockets_for(wire: Wire) -> None:
    """One that is too many comes when another has gone."""
    for number in range(1, SPARES + 2):
        wire.pair(f"eth{number}", number + 1)
        wire.host(f"addr add 10.197.{number + 1}.2/24 dev eth{number}")
        if number <= SPARES:
            wire.shows(f"10.197.{number + 1}.2/24", "ip", "addr")
    late = f"eth{SPARES + 1}"
    eventually(lambda: f"{late} is not followed" in wire.shim.log.read_text(), "no word of it")
    assert late not in wire.inside("ip", "link")
    wire.host("link del eth1")
    wire.shows(f"10.197.{SPARES + 2}.2/24", "ip", "addr")
    assert "eth1" not in wire.inside("ip", "link") and wire.answers(f"10.197.{SPARES + 2}.2")


def test_the_last_interface_goes(wire: Wire) -> None:
    wire.host("link del eth0")
    wire.shows("!eth0", "ip", "link")
    wire.pair("eth0", 3)
    wire.host("addr add 10.197.3.2/24 dev eth0")
    wire.host("route add default via 10.197.3.1")
    wire.shows("default via 10.197.3.1", "ip", "route")
    eventually(lambda: wire.answers("10.197.3.2"), "the new one does not answer")
    assert wire.shim.status("c") == "running"


def test_the_hosts_stack_is_silent(wire: Wire) -> None:
    """A server of the host's in that namespace is not reached at an address that the host still has."""
    wire.pair("eth1", 2)
    wire.host("addr add 10.197.2.2/24 dev eth1")
    eventually(lambda: wire.answers("10.197.2.2"), "eth1 does not answer")
    program = "import socket; s = socket.create_server(('0.0.0.0', 7000)); print('listens', flush=True); s.accept(); print('taken')"
    server = subprocess.Popen(
        ["ip", "netns", "exec", wire.near, sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None and server.stdout.readline() == "listens\n"
        words = ["ip", "netns", "exec", wire.far, "bash", "-c", "exec 3<>/dev/tcp/10.197.2.2/7000"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=BOUND_S)
        assert done.returncode != 0 and "refused" in done.stderr, done
        assert server.poll() is None
    finally:
        server.kill()
        server.communicate()
