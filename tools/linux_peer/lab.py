"""The namespaces of one measurement."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from types import TracebackType
from typing import Any, Final

from tools import netns
from tools.linux_peer.cases import Case

ROOT: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_SETTINGS: Final = (
    "net.ipv4.tcp_rmem=4096 131072 6291456",
    "net.ipv4.tcp_wmem=4096 16384 4194304",
    "net.ipv4.ip_forward=1",
    "net.ipv4.tcp_no_metrics_save=1",
)
"""What a kernel has by itself: machines come with other values."""
_PLAIN: Final = "tx off rx off sg off tso off gso off gro off"
PATIENCE_S: Final = 900


class Failed(Exception):
    """A process of the measurement ended badly; `str()` is what it said."""


class Lab:
    """A link as `case` says, with the host's kernel at the near end and `far` ("kernel", "stack") at the other."""

    def __init__(self, case: Case, far: str, seed: int) -> None:
        self.case = case
        self.far = far
        self._children: list[subprocess.Popen[str]] = []
        self._names: list[str] = []
        try:
            self._build(seed)
        except BaseException:
            self.close()
            raise

    def _build(self, seed: int) -> None:
        mtu = self.case.mtu
        near, wire, router = (self._add() for _ in range(3))
        self.near, self.router = near, router
        self._pair(near, "va", wire, "wa", mtu, True)
        self._pair(wire, "wr", router, "vr", mtu, True)
        self._ip(near, "address add 10.9.1.2/24 dev va")
        self._ip(near, "route add default via 10.9.1.1")
        for here, interface, there, peer, address in (
            (near, "va", router, "vr", "10.9.1.1"),
            (router, "vr", near, "va", "10.9.1.2"),
        ):
            mac = self._mac(there, peer)  # three requests of ARP may all be lost
            self._ip(here, f"neigh replace {address} lladdr {mac} dev {interface} nud permanent")
        self._ip(router, "address add 10.9.1.1/24 dev vr")
        if self.far == "kernel":
            self.end = self._add()
            self._pair(router, "tap0", self.end, "vb", mtu, False)
            self._ip(router, "address add 10.9.2.1/24 dev tap0")
            self._ip(self.end, "address add 10.9.2.2/24 dev vb")
            self._ip(self.end, "route add default via 10.9.2.1")
        else:
            self.end = router
        plan = [f"{at}={spec}" for at, spec in self.case.plan]
        self.wire = self._start(wire, "tools.linux_peer.wire", "wa", "wr", str(seed), *plan)
        self._line(self.wire)

    def transfer(self, way: str, seconds: float, size: int) -> tuple[int, float]:
        """Bytes and seconds of one connection from the near end; `way` "out": the far end sends, "in": the near one."""
        mtu, roles = str(self.case.mtu), ("send", "receive") if way == "out" else ("receive", "send")
        bounds = str(seconds), str(size), mtu
        far = self._start(self.end, "tools.linux_peer.end", self.far, "serve", roles[0], *bounds)
        self._line(far)
        near = self._start(self.near, "tools.linux_peer.end", "kernel", "connect", roles[1], *bounds)
        assert self.wire.stdin is not None
        self.wire.stdin.write("x")
        self.wire.stdin.flush()
        if self.case.narrow is not None:
            after, narrow = self.case.narrow
            try:
                near.wait(after)  # who is done before meets no narrow link
            except subprocess.TimeoutExpired:
                beyond = "vr" if way == "out" else "tap0"  # the link that the router forwards text to
                self._ip(self.router, f"link set {beyond} mtu {narrow}")
        said = self._lines(far, near)
        for child in (near, far):
            child.communicate()
        sender, receiver = (said[far], said[near]) if way == "out" else (said[near], said[far])
        if sender[0] != receiver[0]:
            raise Failed(f"{sender[0]} bytes sent, {receiver[0]} came")
        return int(sender[0]), float(sender[1])

    def _add(self) -> str:
        name = netns.add()
        self._names.append(name)
        for setting in _SETTINGS:
            subprocess.run(["ip", "netns", "exec", name, "sysctl", "-qw", setting], check=True)
        return name

    def _pair(self, one: str, name: str, other: str, peer: str, mtu: int, plain: bool) -> None:
        self._ip(one, f"link add {name} mtu {mtu} type veth peer name {peer} mtu {mtu} netns {other}")
        for space, interface in ((one, name), (other, peer)):
            if plain:
                command = ["ip", "netns", "exec", space, "ethtool", "-K", interface, *_PLAIN.split()]
                subprocess.run(command, check=True, capture_output=True)
            self._ip(space, f"link set {interface} up")

    @staticmethod
    def _mac(space: str, interface: str) -> str:
        command = ["ip", "-n", space, "-j", "link", "show", interface]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return str(found[0]["address"])

    @staticmethod
    def _ip(space: str, words: str) -> None:
        subprocess.run(["ip", "-n", space, *words.split()], check=True)

    def _start(self, space: str, module: str, *words: str) -> subprocess.Popen[str]:
        command = ["ip", "netns", "exec", space, sys.executable, "-m", module, *words]
        pipe = subprocess.PIPE
        child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)
        self._children.append(child)
        return child

    def _lines(self, *children: subprocess.Popen[str]) -> dict[subprocess.Popen[str], list[str]]:
        """The words of each one's next line. When one has ended without, nobody waits for the other."""
        said: dict[subprocess.Popen[str], list[str]] = {}
        while len(said) < len(children):
            left: dict[Any, subprocess.Popen[str]] = {child.stdout: child for child in children if child not in said}
            for stream in select.select(list(left), [], [], PATIENCE_S)[0] or list(left):
                said[left[stream]] = self._line(left[stream]).split()
        return said

    @staticmethod
    def _line(child: subprocess.Popen[str]) -> str:
        assert child.stdout is not None and child.stderr is not None
        line = child.stdout.readline()
        if not line:
            raise Failed(child.stderr.read().strip())
        return line

    def close(self) -> None:
        """Everything of it is gone."""
        for name in self._names:
            netns.remove(name)
        for child in self._children:
            child.kill()
            child.communicate()

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
