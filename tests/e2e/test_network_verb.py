"""`runsc network`: a container's network listed, captured, impaired, opened and closed while it runs."""

from __future__ import annotations

import http.server
import io
import json
import signal
import subprocess
import threading
from pathlib import Path
from typing import Iterator

import dpkt
import pytest

from tests.e2e.bundles import needs_busybox
from tests.e2e.conftest import BOUND_S, ROOT, Result, command
from tests.e2e.containers import Shim, eventually

pytestmark = needs_busybox
BIG = 16 << 20  # bytes: more than the sandbox keeps for a slow reader
SPACES = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]  # the network is `user`


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(bytes(BIG) if self.path == "/big" else b"page\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server on this host's loopback."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    (bundle / "rootfs" / "etc").mkdir()
    (bundle / "rootfs" / "etc" / "resolv.conf").touch()  # the sandbox's lies over it
    shim.start("c", "/bin/sleep", "1000", linux__namespaces=SPACES)
    yield shim
    shim.close()


def network(shim: Shim, *words: str) -> Result:
    return shim.call("network", *words)


def fetch(shim: Shim, port: int, bound_s: int = 10) -> Result:
    """From inside."""
    return shim.call("exec", "c", "timeout", str(bound_s), "wget", "-qO-", f"http://host.stackbox.internal:{port}/")


def interface(shim: Shim, name: str) -> dict[str, object]:
    found = json.loads(network(shim, "--format", "json", "list", "c").out)
    return dict(next(nic for nic in found["interfaces"] if nic["name"] == name))


def test_allow_and_deny(shim: Shim, port: int) -> None:
    rule = f"tcp:host.stackbox.internal:{port}"
    assert fetch(shim, port).status != 0
    for _ in range(2):  # more than once is once
        assert network(shim, "allow", "c", rule, "192.0.2.0/24").status == 0
    assert fetch(shim, port).out == "page\n"
    listed = network(shim, "list", "c").out.splitlines()
    assert listed[0] == "network user" and listed[-2:] == [f"allow {rule}", "allow 192.0.2.0/24"]
    assert any(line.startswith("interface eth0 mtu 1500 mac ") and "10.0.2.15/24" in line for line in listed), listed
    assert any(line.startswith("route 0.0.0.0/0 via 10.0.2.1 dev eth0 ") for line in listed), listed
    assert network(shim, "deny", "c", rule).status == 0
    assert fetch(shim, port).status != 0
    result = network(shim, "deny", "c", rule)
    assert (result.status, result.err) == (1, f"runsc: no rule {rule!r}; there are: 192.0.2.0/24\n")


def test_a_name_is_allowed_later(shim: Shim) -> None:
    """There was no resolver of the outside before; now one asks the servers of this host's resolv.conf."""
    assert network(shim, "allow", "c", "name.invalid").status == 0
    assert "name.invalid" in network(shim, "list", "c").out
    assert shim.call("exec", "c", "nslookup", "name.invalid").status != 0
    assert shim.status("c") == "running"


def test_impairments(shim: Shim, port: int) -> None:
    assert network(shim, "allow", "c", f"host.stackbox.internal:{port}").status == 0
    for flags, spec, shown in (
        ((), "partition", "partition"),
        (("--direction", "out"), "loss=100%", "loss=100% (out)"),
        (("--interface", "eth0", "--direction", "in"), "loss=100%", "loss=100% (in)"),
    ):
        assert network(shim, *flags, "impair", "c", spec).status == 0
        assert interface(shim, "eth0")["impairment"] == shown
        assert fetch(shim, port, 1).status != 0
    assert network(shim, "impair", "c", "delay=20ms,jitter=5ms,duplicate=10%,loss=1%").status == 0
    assert fetch(shim, port, BOUND_S).out == "page\n"
    assert network(shim, "impair", "c", "off").status == 0
    assert interface(shim, "eth0")["impairment"] == "" and interface(shim, "lo")["impairment"] == ""
    assert fetch(shim, port).out == "page\n"


def packets(data: bytes) -> list[bytes]:
    return [bytes(frame) for _, frame in dpkt.pcapng.Reader(io.BytesIO(data))]


def test_captures(shim: Shim, port: int, tmp_path: Path) -> None:
    """Two at once and an impairment between them, each ended in another way."""
    assert network(shim, "allow", "c", f"host.stackbox.internal:{port}").status == 0
    argv = command("--root", str(shim.root), "network")
    file = tmp_path / "c.pcapng"
    first = subprocess.Popen([*argv, "capture", "c", str(file)], cwd=ROOT)
    eventually(lambda: interface(shim, "eth0")["captures"] == 1, "no capture")
    assert network(shim, "impair", "c", "delay=1ms").status == 0
    second = subprocess.Popen([*argv, "--interface", "eth0", "capture", "c", "-"], cwd=ROOT, stdout=subprocess.PIPE)
    eventually(lambda: interface(shim, "eth0")["captures"] == 2, "no second capture")
    assert fetch(shim, port).out == "page\n"
    eventually(lambda: b"page\n" in file.read_bytes(), "no packet in the file")
    first.send_signal(signal.SIGTERM)
    assert first.wait(BOUND_S) == -signal.SIGTERM
    eventually(lambda: interface(shim, "eth0")["captures"] == 1, "the capture goes on")
    assert network(shim, "impair", "c", "off").status == 0
    assert fetch(shim, port).out == "page\n"
    assert shim.call("kill", "c", "KILL").status == 0
    out, _ = second.communicate(timeout=BOUND_S)
    assert second.returncode == 0
    for data, pages in ((file.read_bytes(), 1), (out, 2)):
        frames = packets(data)
        assert sum(b"GET / HTTP" in frame for frame in frames) == pages
        assert sum(frame.endswith(b"page\n") for frame in frames) == pages
        assert {dpkt.ethernet.Ethernet(frame).type for frame in frames} >= {dpkt.ethernet.ETH_TYPE_IP}


def test_nobody_reads(shim: Shim, port: int) -> None:
    """A pipe that is full stops the capture's command, not the sandbox."""
    assert network(shim, "allow", "c", f"host.stackbox.internal:{port}").status == 0
    argv = command("--root", str(shim.root), "network", "capture", "c", "-")
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE)
    eventually(lambda: interface(shim, "eth0")["captures"] == 1, "no capture")
    big = shim.call("exec", "c", "sh", "-c", f"wget -qO- http://host.stackbox.internal:{port}/big | wc -c")
    assert big.out == f"{BIG}\n", big
    assert fetch(shim, port).out == "page\n"
    process.kill()
    process.communicate()
    eventually(lambda: interface(shim, "eth0")["captures"] == 0, "the capture goes on")


def test_bad_input(shim: Shim, tmp_path: Path) -> None:
    cases = [
        ((), "network: what? list, capture, impair, allow, deny"),
        (("look", "c"), "network: unknown action 'look'; known: list, capture, impair, allow, deny"),
        (("list", "none"), "container does not exist"),
        (("allow", "c"), "network allow: wrong number of arguments; see runsc help network"),
        (("allow", "c", "tcp:"), "'tcp:': '' is not a name"),
        (("impair", "c", "lost=1%"), "not an impairment: 'lost=1%' (loss=3%, delay=20ms, rate=10mbit, ...)"),
        (("impair", "c", ""), "network impair: the SPEC is empty; `off` ends an impairment"),
        (("--interface", "eth9", "impair", "c", "off"), "no interface 'eth9'; there are lo, eth0"),
        (("--interface", "eth9", "capture", "c", str(tmp_path / "f")), "no interface 'eth9'; there are lo, eth0"),
        (("capture", "c", "/nowhere/f"), "/nowhere/f: No such file or directory"),
        (("capture", "c", "/dev/full"), "/dev/full: No space left on device"),
    ]
    for words, says in cases:
        result = network(shim, *words)
        assert (result.status, result.err) == (1, f"runsc: {says}\n"), words
        assert shim.last_error() == says
    assert interface(shim, "eth0")["captures"] == 0


def test_a_network_without_rules(bundle: Path) -> None:
    shim = Shim(bundle)
    shim.start("c", "/bin/sleep", "1000")
    try:
        for action in ("allow", "deny"):
            result = network(shim, action, "c", "*")
            assert result.err == "runsc: the network `none` has no rules: it was started without --allow\n"
        assert network(shim, "impair", "c", "partition").err == "runsc: no interface but the loopback\n"
        assert network(shim, "--interface", "lo", "impair", "c", "partition").status == 0
    finally:
        shim.close()
