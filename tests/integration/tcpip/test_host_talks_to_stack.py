"""The host's own ping, curl and iperf3 find an ordinary machine at the other end of a tap."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import dpkt
import pytest

from .conftest import HOST, LINK, ROOT, Namespace

V4, V6 = "10.9.0.2", "fd00:9::2"


def url(host: str, path: str) -> str:
    return f"http://[{host}]{path}" if ":" in host else f"http://{host}{path}"


@pytest.mark.parametrize("host", [V4, V6])
@pytest.mark.parametrize("size", ["56", "1473", "30000"])
def test_ping(ns: Namespace, host: str, size: str) -> None:
    ns.tcpip("tap", *LINK, *HOST)
    assert " 0% packet loss" in ns.run("ping", "-c", "3", "-i", "0.05", "-W", "5", "-s", size, host)


@pytest.mark.parametrize("host", [V4, V6])
@pytest.mark.parametrize("offload", [(), ("--no-offload",)])
def test_curl_downloads_and_uploads(ns: Namespace, host: str, offload: tuple[str, ...], tmp_path: Path) -> None:
    ns.tcpip("tap", *LINK, *HOST, *offload)
    assert ns.run("curl", "-sf", url(host, "/")) == "hello from tcpip\n"
    got = tmp_path / "got"
    ns.run("curl", "-sf", "-o", str(got), url(host, "/bytes/5000000"))
    assert got.stat().st_size == 5_000_000
    assert ns.run("curl", "-sf", "-T", str(got), url(host, "/up")) == "5000000 bytes received\n"
    assert "404" in ns.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url(host, "/nothing"))
    two = ns.run("curl", "-sf", url(host, "/"), url(host, "/"), "-w", "%{num_connects} ")
    assert two.count("hello") == 2 and two.split()[-1] == "0"


def test_closed_ports_refuse(ns: Namespace) -> None:
    ns.tcpip("tap", *LINK, *HOST)
    script = """
import socket
for family, host in ((2, "10.9.0.2"), (10, "fd00:9::2")):
    s = socket.socket(family); s.settimeout(5)
    print(s.connect_ex((host, 81)))
    u = socket.socket(family, 2); u.settimeout(5); u.connect((host, 81)); u.send(b"x")
    try: u.recv(1)
    except OSError as e: print(e.errno)
"""
    assert ns.run(sys.executable, "-c", script).split() == ["111"] * 4


def test_echo_over_udp_of_any_size(ns: Namespace) -> None:
    ns.tcpip("tap", *LINK, *HOST)
    script = """
import socket
for family, host, most in ((2, "10.9.0.2", 65507), (10, "fd00:9::2", 65527)):
    s = socket.socket(family, 2); s.settimeout(5); s.connect((host, 7))
    for size in (0, 1, 1472, 1473, 9000, most):
        data = bytes(i * 7 & 255 for i in range(size))
        s.send(data)
        print(s.recv(70000) == data)
"""
    assert ns.run(sys.executable, "-c", script).split() == ["True"] * 12


@pytest.mark.parametrize("host", [V4, V6])
@pytest.mark.parametrize("reverse", [(), ("-R",), ("-P", "3"), ("-P", "3", "-R")])
def test_iperf3_client(ns: Namespace, reverse: tuple[str, ...], host: str) -> None:
    ns.tcpip("tap", *LINK, *HOST, "--iperf")
    report = json.loads(ns.run("iperf3", "-J", "-c", host, "-t", "1", *reverse))
    assert "error" not in report
    assert report["end"]["sum_received"]["bytes"] > 10_000_000


@pytest.mark.parametrize("extra", [(), ("-R",), ("-P", "2"), ("--interface", "v0")])
def test_iperf_against_iperf3_server(ns: Namespace, extra: tuple[str, ...]) -> None:
    link: tuple[str, ...] = ("--tap", "tap0", *HOST)
    if extra[:1] == ("--interface",):
        ns.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
        for command in ("link set v0 up", "link set v1 up", "addr add 10.9.0.1/24 dev v1"):
            ns.run("ip", *command.split())
        ns.run("ip", "-6", "addr", "flush", "dev", "v0")
        link = ()
    server = ns.start("iperf3", "-s", "-1", "--forceflush")
    assert server.stdout is not None
    while "listening" not in server.stdout.readline():
        pass
    out = ns.run(sys.executable, "-m", "tcpip", "iperf", *link, "-a", V4 + "/24", "-c", "10.9.0.1", "-t", "1", *extra)
    assert "Gbit/s" in out
    assert server.wait(20) == 0


def test_our_ping_to_the_host(ns: Namespace) -> None:
    for host in ("10.9.0.1", "fd00:9::1"):
        out = ns.run(sys.executable, "-m", "tcpip", "ping", *LINK, *HOST, "-c", "2", "-i", "0.05", host)
        assert "2 packets transmitted, 2 received, 0% packet loss" in out
    out = ns.run(sys.executable, "-m", "tcpip", "ping", *LINK, *HOST, "-c", "1", "-W", "0.1", "192.0.2.1", check=False)
    assert "Network is unreachable" in out


def test_nc_to_the_host(ns: Namespace) -> None:
    server = ns.start(sys.executable, "-u", "-c", NC_SERVER)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    out = ns.run(sys.executable, "-m", "tcpip", "nc", *LINK, *HOST, "10.9.0.1", "5000", data="from the stack\n")
    assert out == "FROM THE STACK\n"


NC_SERVER = """
import socket
s = socket.socket(); s.setsockopt(1, 2, 1)
s.bind(("0.0.0.0", 5000)); s.listen()
print("ready")
c, _ = s.accept()
data = b""
while chunk := c.recv(1000): data += chunk
c.sendall(data.upper()); c.close()
"""


@pytest.mark.parametrize("host", [V4, V6])
def test_transfers_survive_a_bad_link(ns: Namespace, host: str, tmp_path: Path) -> None:
    ns.tcpip(
        "tap",
        *LINK,
        *HOST,
        "--no-offload",
        "--impair",
        "loss=2%,delay=2ms,jitter=1ms,reorder=5%,duplicate=1%,corrupt=1%",
    )
    script = f"""
import socket, hashlib, threading
s = socket.create_connection(({host!r}, 7), 60)
data = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(30000))
def up(): s.sendall(data); s.shutdown(1)
threading.Thread(target=up).start()
got = b""
while chunk := s.recv(65536): got += chunk
print(hashlib.sha256(got).hexdigest())
"""
    data = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(30000))
    assert ns.run(sys.executable, "-c", script, timeout=100).strip() == hashlib.sha256(data).hexdigest()


def test_it_ends_quietly_with_connections_open(ns: Namespace) -> None:
    child = ns.tcpip("tap", *LINK, *HOST)
    script = """
import socket, sys
held = [socket.create_connection(("10.9.0.2", port), 10) for port in (7, 9, 80)]
held[0].sendall(b"x")
held[0].recv(1)
print("held", flush=True)
sys.stdin.read()
"""
    client = ns.start(sys.executable, "-c", script)
    assert client.stdout is not None and client.stdout.readline() == "held\n"
    assert ns.stop(child) == ""


def test_capture_shows_the_handshake(ns: Namespace, tmp_path: Path) -> None:
    path = tmp_path / "out.pcapng"
    child = ns.tcpip("tap", *LINK, *HOST, "--capture", str(path))
    for _ in range(2):  # once the second is served, the first has been taken down
        ns.run("curl", "-sf", url(V4, "/"))
    ns.stop(child)
    connections: dict[int, list[int]] = {}
    with path.open("rb") as stream:
        for _, data in dpkt.pcapng.Reader(stream):
            ip = dpkt.ethernet.Ethernet(data).data
            if isinstance(ip, dpkt.ip.IP) and isinstance(ip.data, dpkt.tcp.TCP):
                client = max(ip.data.sport, ip.data.dport)
                connections.setdefault(client, []).append(ip.data.flags)
    flags = next(iter(connections.values()))
    assert flags[:3] == [0x02, 0x12, 0x10]
    assert sum(1 for f in flags if f & 1) == 2


def test_ss_shows_listeners_and_counters(ns: Namespace, tmp_path: Path) -> None:
    path = str(tmp_path / "control")
    ns.tcpip("tap", *LINK, *HOST, "--control", path)
    ns.run("curl", "-sf", url(V4, "/"))
    out = ns.run(sys.executable, "-m", "tcpip", "ss", path)
    assert "[::]:80" in out and "LISTEN" in out and "UNCONN" in out
    assert "PassiveOpens=1" in ns.run(sys.executable, "-m", "tcpip", "ss", "-s", path)


def test_autoconfiguration_from_a_router(ns: Namespace) -> None:
    child = ns.tcpip("tap", "--tap", "tap0", "--slaac", "--host-address", "fd00:9::1/64")
    ns.run(sys.executable, "-c", ADVERTISE)
    out = ns.run("ping", "-6", "-c", "5", "-i", "0.4", "-W", "2", "fd00:9::ff:fe00:2", check=False)
    assert " 0 received" not in out and "received" in out
    ns.stop(child)


ADVERTISE = """
import socket, time
index = socket.if_nametoindex("tap0")
end = time.monotonic() + 20
source = None
while source is None and time.monotonic() < end:
    for line in open("/proc/net/if_inet6"):
        addr, _, _, _, flags, name = line.split()
        if name == "tap0" and addr.startswith("fe80") and not int(flags, 16) & 0x40:
            source = socket.inet_ntop(10, bytes.fromhex(addr))
s = socket.socket(10, socket.SOCK_RAW, 58)
s.setsockopt(41, 18, 255)
s.bind((source, 0, 0, index))
prefix = socket.inet_pton(10, "fd00:9::")
message = bytes([134, 0, 0, 0, 64, 0, 0, 60]) + bytes(8)
message += bytes([3, 4, 64, 0xC0]) + (600).to_bytes(4, "big") * 2 + bytes(4) + prefix
s.sendto(message, ("ff02::1", 0, 0, index))
"""


def test_ten_lines_of_asyncio(ns: Namespace) -> None:
    server = ns.start(sys.executable, "-u", "-c", NC_SERVER)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    out = ns.run("env", f"PYTHONPATH={ROOT}", sys.executable, "examples/tcp_over_tap.py", "5000")
    assert out == "TEN LINES OF ASYNCIO\n"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("ping", "--interface", "nope", "-a", "10.0.0.1/8", "10.0.0.2"), 1, "No such device"),
        (("tap", "--tap", "tap0", "-a", "10.0.0.1/99"), 2, "not a prefix length"),
        (("tap", "--tap", "tap0", "-a", "bogus"), 2, "not an IPv4 or IPv6 address"),
        (("tap", "--tap", "tap0", "-a", "10.0.0.1/8", "-g", "192.0.2.1"), 1, "network is unreachable"),
        (("tap", "--tap", "tap0", "--mac", "zz"), 2, "not an Ethernet address"),
        (("tap", "--tap", "tap0", "--serve", "gopher"), 2, "unknown service"),
        (("tap", "--tap", "tap0", "--impair", "loss=300%"), 2, "not an impairment"),
        (("tap", "--tap", "tap0", "--impair", "delay=5 parsec"), 2, "not a quantity"),
        (("ss", "/nonexistent"), 1, "No such file"),
    ],
)
def test_bad_command_lines_say_why(ns: Namespace, arguments: tuple[str, ...], status: int, message: str) -> None:
    done = subprocess.run(
        ns.argv(sys.executable, "-m", "tcpip", *arguments),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
        check=False,
    )
    assert done.returncode == status
    assert message in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_core_imports_nothing_heavy() -> None:
    code = "import sys, tcpip.stack.stack; print(*[m for m in ('asyncio', 'socket', 'ipaddress', 'argparse') if m in sys.modules])"
    out = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout
    assert out.strip() == ""
