"""`--network sandbox` over a veth and `--network tap`: the sandbox is a machine with an address of its own, which the
host's ping, curl and iperf3 reach, and which reaches them. Every namespace here is made and removed by its test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.conftest import BOUND_S, ROOT, Result, command
from tools import netns

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/dev/net/tun"), reason="needs root and /dev/net/tun"
)

WEB = "python3 -u -m http.server --bind :: --directory {} 8000"


class Lan:
    """Two ends of a wire. `near` is the namespace in which runsc starts, `far` the one that the sandbox talks to."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.children: list[subprocess.Popen[str]] = []
        self.near = netns.add()
        self.far = netns.add() if kind == "sandbox" else self.near
        if kind == "sandbox":
            ip("-n", self.near, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.far)
            for name, last in ((self.near, "2"), (self.far, "1")):
                ip("-n", name, "addr", "add", f"10.198.0.{last}/24", "dev", "eth0")
                ip("-n", name, "addr", "add", f"fd98::{last}/64", "dev", "eth0", "nodad")
                ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", self.near, "route", "add", "192.0.2.0/24", "via", "10.198.0.1", "metric", "7")
            ip("-n", self.near, "route", "add", "default", "via", "10.198.0.1")
            ip("-n", self.near, "route", "add", "default", "via", "fd98::1")
            self.inside, self.outside = ("10.198.0.2", "fd98::2"), ("10.198.0.1", "fd98::1")
        else:
            self.inside, self.outside = ("10.0.2.15", "fd53:7461:636b::15"), ("10.0.2.1", "fd53:7461:636b::1")

    def host(self, *words: str) -> Result:
        """At the far end, outside the sandbox."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.far, *words], capture_output=True, text=True, cwd=ROOT, timeout=BOUND_S
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def do(self, *words: str) -> Result:
        """A command in the sandbox, to its end."""
        done = subprocess.run(
            self.argv(*words), capture_output=True, text=True, cwd=ROOT, timeout=BOUND_S, stdin=subprocess.DEVNULL
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def argv(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.near, *command(f"--network={self.kind}", "do", *words)]

    def serve(self, argv: list[str], ready: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start a server, inside or outside, and wait for the line that says it listens."""
        child = subprocess.Popen(
            argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
        )
        self.children.append(child)
        assert child.stdout is not None
        line = child.stdout.readline()
        while ready not in line:
            assert line, f"the server ended: {child.wait(BOUND_S)}"
            line = child.stdout.readline()
        return child

    def addresses(self) -> str:
        """What the host's own stack has in the sandbox's namespace, without what changes by itself."""
        words = ("inet ", "inet6 fd", "default", "192.0.2")
        lines = [
            line
            for what in (("addr",), ("route",), ("-6", "route"))
            for line in ip("-n", self.near, *what).splitlines()
            if any(word in line for word in words)
        ]
        return "\n".join(line.replace("nodad", "").strip() for line in lines)

    def close(self) -> None:
        for child in self.children:
            child.terminate()
        try:
            for child in self.children:
                child.communicate(timeout=BOUND_S)
        finally:
            for name in {self.near, self.far}:
                netns.remove(name)


def ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture(params=["sandbox", "tap"])
def lan(request: pytest.FixtureRequest) -> Iterator[Lan]:
    made = Lan(request.param)
    try:
        yield made
    finally:
        made.close()


def url(address: str, path: str) -> str:
    return f"http://[{address}]:8000/{path}" if ":" in address else f"http://{address}:8000/{path}"


def outside_server(lan: Lan, *words: str) -> list[str]:
    """The wire of a tap is there only with a sandbox: a server outside listens on every address."""
    return ["ip", "netns", "exec", lan.far, *words]


def test_the_host_reaches_a_server_inside(lan: Lan, tmp_path: Path) -> None:
    lan.serve(lan.argv(*WEB.format("/usr/share/common-licenses").split()), "Serving HTTP")
    for address in lan.inside:
        assert " 0% packet loss" in lan.host("ping", "-c", "3", "-i", "0.05", "-s", "3000", address).out
        got = lan.host("curl", "-sSfg", url(address, "GPL-3"))
        assert got.out == Path("/usr/share/common-licenses/GPL-3").read_text(), got
    refused = lan.host("curl", "-sSg", url(lan.inside[0], "").replace("8000", "8001"))
    assert refused.status == 7, refused


def test_the_sandbox_reaches_a_server_outside(lan: Lan, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(os.urandom(3_000_000))
    lan.serve(outside_server(lan, *[sys.executable, *WEB.format(tmp_path).split()[1:]]), "Serving HTTP")
    script = "set -e\n" + "".join(
        f"ping -c 3 -i 0.05 -s 3000 {address} 2>/dev/null | grep packet\ncurl -sSfg '{url(address, 'data')}' | sha256sum\n"
        for address in lan.outside
    )
    result = lan.do("/bin/sh", "-c", script)
    native = subprocess.run(["sha256sum"], input=(tmp_path / "data").read_bytes(), capture_output=True, check=True)
    assert result.status == 0 and result.out.count(" 0% packet loss") == 2, result
    assert result.out.count(native.stdout.decode()) == 2, result


SENT, ARRIVED = "30M", 10 << 20  # iperf3 does not read what is under way when the sender has handed over its bytes


def moved(report: str) -> int:
    """Bytes that arrived, of iperf3's JSON."""
    return int(json.loads(report)["end"]["sum_received"]["bytes"])


def in_turn(command: str) -> str:
    """Shell: run a client of iperf3 until it is served. Between two clients its server does not listen for a moment."""
    return f'for i in $(seq 50); do out=$({command}); case $out in *sum_received*) break;; esac; done; echo "$out"\n'


def test_iperf3_inside_serves_the_host(lan: Lan) -> None:
    lan.serve(lan.argv("iperf3", "-s", "--forceflush"), "listening")
    for address in lan.inside:
        for words in ("", "-R", "-P 3"):
            done = lan.host("/bin/sh", "-c", in_turn(f"iperf3 -J -c {address} -n {SENT} {words}"))
            assert done.status == 0 and moved(done.out) >= ARRIVED, done


def test_iperf3_inside_asks_the_host(lan: Lan) -> None:
    lan.serve(outside_server(lan, "iperf3", "-s", "--forceflush"), "listening")
    calls = [in_turn(f"iperf3 -J -c {address} -n {SENT} {more}") for address in lan.outside for more in ("", "-R")]
    result = lan.do("/bin/sh", "-c", "echo NEXT\n".join(calls))
    assert result.status == 0, result
    assert all(moved(report) >= ARRIVED for report in result.out.split("NEXT")), result


SIZES = [1000] * 100 + [7, 1000, 1472, 1472, 3] + [20] * 90 + [0, 5, 4000, 1]
UDP_SEGMENT = "103"
RECEIVE = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
s.bind((sys.argv[1], 9000))
s.settimeout(30)
print("ready", flush=True)
got = []
while not got or got[-1] != b"end":
    got.append(s.recv(65536))
print([(len(d), d[:1]) for d in got])
"""
SEND = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 9000))
s.send(b"first")
if len(sys.argv) > 3:
    s.setsockopt(socket.SOL_UDP, int(sys.argv[3]), 100)
    s.send(b"".join(bytes([n]) * 100 for n in range(60)) + b"tail")
    s.setsockopt(socket.SOL_UDP, int(sys.argv[3]), 0)
else:
    for n, size in enumerate(eval(sys.argv[2])):
        s.send(bytes([n]) * size)
s.send(b"end")
"""


def test_datagrams_that_leave_in_bursts(lan: Lan) -> None:
    """They go through the wire in super-packets, and arrive as they were sent."""
    want = [(5, b"f"), *((size, bytes([n])[:size]) for n, size in enumerate(SIZES)), (3, b"e")]
    for address in lan.outside:
        receiver = outside_server(lan, sys.executable, "-c", RECEIVE, "::" if ":" in address else "0.0.0.0")
        child = lan.serve(receiver, "ready")
        sent = lan.do("python3", "-c", SEND, address, str(SIZES))
        assert sent.status == 0, sent
        assert child.communicate(timeout=BOUND_S)[0] == f"{want}\n"


SEND_AND_GO = """
import socket, sys
kind, size = getattr(socket, sys.argv[2]), int(sys.argv[3])
s = socket.socket(socket.AF_INET, kind)
s.settimeout(30)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
s.connect((sys.argv[1], 9000))
s.send(b"first")
for _ in range(0, size, 1000):
    s.sendall(bytes(1000))
s.send(b"end")
print("sent", flush=True)
"""
ACCEPT = """
import socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
s.bind(("0.0.0.0", 9000))
s.listen()
print("ready", flush=True)
c, _ = s.accept()
input()
c.settimeout(30)
print(sum(iter(lambda: len(c.recv(65536)), 0)))
"""


@pytest.mark.parametrize("lan", ["sandbox"], indirect=True)
def test_what_waits_for_a_neighbour_leaves_after_the_program(lan: Lan) -> None:
    """The first solicitation is not answered, the second, a second later, is: by then nobody is left inside."""
    child = lan.serve(outside_server(lan, sys.executable, "-c", RECEIVE, "0.0.0.0"), "ready")
    lan.host("sysctl", "-w", "net.ipv4.conf.eth0.arp_ignore=8")
    lan.serve(lan.argv("python3", "-c", SEND_AND_GO, lan.outside[0], "SOCK_DGRAM", "2000"), "sent")
    lan.host("sysctl", "-w", "net.ipv4.conf.eth0.arp_ignore=0")
    want = [(5, b"f"), (1000, b"\0"), (1000, b"\0"), (3, b"e")]
    assert child.communicate(timeout=BOUND_S)[0] == f"{want}\n"


@pytest.mark.parametrize("lan", ["sandbox"], indirect=True)
def test_a_stream_is_delivered_after_the_program(lan: Lan) -> None:
    argv = outside_server(lan, sys.executable, "-c", ACCEPT)
    child = lan.serve(argv, "ready", subprocess.PIPE)
    lan.serve(lan.argv("python3", "-c", SEND_AND_GO, lan.outside[0], "SOCK_STREAM", "150000"), "sent")
    assert child.communicate("go\n", timeout=BOUND_S)[0] == "150008\n"


def test_super_packets_that_come_in(lan: Lan) -> None:
    want = [(5, b"f"), *((100, bytes([n])) for n in range(60)), (4, b"t"), (3, b"e")]
    for address in lan.inside:
        child = lan.serve(lan.argv("python3", "-c", RECEIVE, "::" if ":" in address else "0.0.0.0"), "ready")
        sent = lan.host("python3", "-c", SEND, address, "", UDP_SEGMENT)
        assert sent.status == 0, sent
        assert child.communicate(timeout=BOUND_S)[0] == f"{want}\n"


def test_interfaces_are_given_back() -> None:
    lan = Lan("sandbox")
    try:
        before = lan.addresses()
        assert "10.198.0.2/24" in before and "fd98::2/64" in before and "192.0.2.0/24 via" in before
        show = "ip addr; ip route"
        for _ in range(2):
            inside = lan.do("/bin/sh", "-c", show)
            assert "10.198.0.2/24" in inside.out and "192.0.2.0/24 via 10.198.0.1" in inside.out, inside
            assert lan.addresses() == before
        assert " 0% packet loss" in lan.host("ping", "-c", "1", "-W", "5", lan.inside[0]).out
    finally:
        lan.close()


def test_a_second_tap_in_one_namespace() -> None:
    lan = Lan("tap")
    try:
        lan.serve(lan.argv("iperf3", "-s", "--forceflush"), "listening")
        result = lan.do("/bin/true")
        assert result.status == 125 and result.err.count("\n") == 1, result
        assert "10.0.2.0/24 is in use" in result.err, result
    finally:
        lan.close()


def test_rules_hold_on_a_tap_without_a_word_about_what_is_allowed(tmp_path: Path) -> None:
    lan = Lan("tap")
    try:
        web = [sys.executable, *WEB.format(tmp_path).split()[1:]]
        lan.serve(outside_server(lan, *web), "Serving HTTP")
        words = lan.argv("/bin/sh", "-c", "curl -sSf http://10.0.2.1:8000/ | head -1; curl -s http://10.0.2.1:8001/")
        words.insert(words.index("do"), "--allow=10.0.2.1:8000")
        done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=BOUND_S)
        assert done.returncode == 7 and done.stdout.startswith("<!DOCTYPE"), done
        assert done.stderr.count("\n") == 1 and "--allow 10.0.2.1:8001" in done.stderr, done
    finally:
        lan.close()


def test_no_interface_to_take() -> None:
    lan = Lan("tap")
    lan.kind = "sandbox"
    try:
        result = lan.do("/bin/true")
        assert result.status == 125 and result.err.count("\n") == 1 and "no interface" in result.err, result
    finally:
        lan.close()


@pytest.mark.parametrize(("kind", "lost"), [("tap", "-net_admin"), ("sandbox", "-net_raw"), ("sandbox", "-net_admin")])
def test_without_the_privilege(kind: str, lost: str) -> None:
    lan = Lan("sandbox")
    lan.kind = kind
    before = lan.addresses()
    try:
        words = lan.argv("/bin/true")
        words[4:4] = ["setpriv", f"--bounding-set={lost}", f"--inh-caps={lost}"]
        done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=BOUND_S)
        assert done.returncode == 125 and done.stderr.count("\n") == 1, done
        assert f"`{kind}` cannot be had: Operation not permitted" in done.stderr, done
        if lost == "-net_raw":  # what was taken already is given back
            assert lan.addresses() == before
    finally:
        lan.close()
