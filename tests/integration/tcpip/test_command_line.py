"""The verbs of `python -m tcpip` on a tap, against the host's kernel and its tools."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import HOST, LINK, ROOT, Namespace

V4, V6 = "10.9.0.2", "fd00:9::2"


def tcpip(ns: Namespace, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A verb that ends by itself."""
    return subprocess.run(
        ns.argv(sys.executable, "-m", "tcpip", *arguments),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )


# Servers.


def test_http_serves_a_folder_and_nothing_else(ns: Namespace, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret\n")
    root = tmp_path / "root"
    (root / "sub & <dir>").mkdir(parents=True)
    (root / "a.txt").write_text("hello file\n")
    (root / "big").write_bytes(os.urandom(3_000_000))
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "in").symlink_to("a.txt")
    os.mkfifo(root / "fifo")
    ns.tcpip("http", *LINK, *HOST, str(root))
    base = f"http://{V4}"
    assert ns.run("curl", "-sf", f"{base}/a.txt") == ns.run("curl", "-sf", f"{base}/in") == "hello file\n"
    ns.run("curl", "-sf", "-o", str(tmp_path / "got"), f"http://[{V6}]/big")
    assert (tmp_path / "got").read_bytes() == (root / "big").read_bytes()
    page = ns.run("curl", "-sf", f"{base}/")
    assert 'href="./a.txt"' in page and "sub &amp; &lt;dir&gt;" in page and "<dir>" not in page
    assert ns.run("curl", "-sf", "-r", "2-4", f"{base}/a.txt") == "llo"
    assert ns.run("curl", "-sf", "-r", "-5", f"{base}/a.txt") == "file\n"
    for path in (
        "/../secret",
        "/%2e%2e/secret",
        "/sub%20&%20%3Cdir%3E/../../secret",
        "//../secret",
        "/out",
        "/a.txt%00",
        "/no",
    ):
        code = ns.run("curl", "-s", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", base + path)
        assert code in ("403", "404"), path

    def status(*words: str) -> str:
        return ns.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", *words).strip()

    assert status(f"{base}/fifo") == "403"
    assert status(f"{base}/sub%20&%20%3Cdir%3E") == f"301 {base}/sub%20%26%20%3Cdir%3E/"
    assert status("-X", "DELETE", f"{base}/a.txt") == "405"
    assert status("-r", "100-", f"{base}/a.txt") == "416"
    (root / "index.html").write_text("index\n")
    assert ns.run("curl", "-sf", f"{base}/") == "index\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_servers_end_cleanly(ns: Namespace, number: signal.Signals) -> None:
    child = ns.tcpip("echo", *LINK, *HOST, "-p", "4000")
    ask = "import socket; s = socket.create_connection(('10.9.0.2', 4000)); s.sendall(b'x'); print(s.recv(9))"
    assert ns.run(sys.executable, "-c", ask) == "b'x'\n"
    child.send_signal(number)
    assert child.communicate(timeout=20)[0] == "" and child.returncode == 0
    assert "tap0" not in ns.run("ip", "link")


def test_discard_and_chargen(ns: Namespace) -> None:
    ns.tcpip("tap", *LINK, *HOST)
    script = """
import socket
d = socket.create_connection(("10.9.0.2", 9), 10); d.sendall(bytes(300000)); d.shutdown(1); print(d.recv(1))
c = socket.create_connection(("10.9.0.2", 19), 10); f = c.makefile("rb")
lines = [f.readline() for _ in range(96)]
print({len(l) for l in lines}, lines[1][:5], lines[0] == lines[95])
u = socket.socket(2, 2); u.settimeout(10); u.connect(("10.9.0.2", 19)); u.send(bytes(1000)); print(len(u.recv(2000)))
u.send(bytes(7)); print(u.recv(2000))
"""
    out = ns.run(sys.executable, "-c", script).splitlines()
    assert out == ["b''", "{74} b'!\"#$%' True", "512", "b' !\"#$%&'"]


def test_web_server_example(ns: Namespace) -> None:
    child = ns.start("env", f"PYTHONPATH={ROOT}", sys.executable, "examples/web_server_on_tap.py")
    assert child.stdout is not None and child.stdout.readline() == "serving on http://10.9.0.2/\n"
    assert ns.run("curl", "-sf", "http://10.9.0.2/a/b") == "you asked for /a/b, from 10.9.0.1\n"
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=20)[0] == "" and child.returncode == 0


# Tools.


@pytest.fixture
def beyond(ns: Namespace) -> Iterator[str]:
    """A host that the first namespace routes to: its address."""
    other = Namespace()
    try:
        ns.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", other.name)
        for command in ("link set v0 up", "addr add 10.8.0.1/24 dev v0", "route add unreachable 10.7.0.0/24"):
            ns.run("ip", *command.split())
        for command in ("link set v1 up", "addr add 10.8.0.2/24 dev v1", "route add default via 10.8.0.1"):
            other.run("ip", *command.split())
        ns.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        yield "10.8.0.2"
    finally:
        other.close()


def test_traceroute_to_the_host_and_beyond(ns: Namespace, beyond: str) -> None:
    near = json.loads(tcpip(ns, "traceroute", *LINK, *HOST, "--json", "10.9.0.1").stdout)
    assert [p["address"] for hop in near["hops"] for p in hop["probes"]] == ["10.9.0.1"] * 3
    near = json.loads(tcpip(ns, "traceroute", *LINK, *HOST, "--json", "fd00:9::1").stdout)
    assert [p["address"] for hop in near["hops"] for p in hop["probes"]] == ["fd00:9::1"] * 3
    gateway = ("-g", "10.9.0.1")
    done = tcpip(ns, "traceroute", *LINK, *HOST, *gateway, "-q", "2", beyond)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[1].startswith(" 1  10.9.0.1  ") and lines[2].startswith(f" 2  {beyond}  ")
    assert len(lines) == 3 and lines[1].count(" ms") == 2
    done = tcpip(ns, "traceroute", *LINK, *HOST, *gateway, "10.7.0.1")
    assert done.returncode == 1 and "!H" in done.stdout
    done = tcpip(ns, "traceroute", *LINK, *HOST, "-w", "0.1", "-m", "2", "-q", "1", "10.9.0.77")
    assert done.returncode == 1 and done.stdout.splitlines()[1:] == [" 1  *", " 2  *"]


def test_the_hosts_traceroute_finds_us(ns: Namespace) -> None:
    ns.tcpip("tap", *LINK, *HOST)
    out = ns.run("busybox", "traceroute", "-n", "-q", "1", V4)
    assert out.splitlines()[1].split()[1] == V4
    assert V4 in ns.run("busybox", "arping", "-c", "1", "-I", "tap0", V4)


def test_ping_as_json(ns: Namespace) -> None:
    report = json.loads(tcpip(ns, "ping", *LINK, *HOST, "-c", "2", "-i", "0.05", "--json", "10.9.0.1").stdout)
    assert (report["sent"], report["received"], len(report["rtt_ms"])) == (2, 2, 2)


def test_ctrl_c_ends_a_ping_with_its_summary(ns: Namespace) -> None:
    child = ns.tcpip("ping", *LINK, *HOST, "-c", "100", "10.9.0.1", ready=False)
    assert child.stdout is not None
    while "icmp_seq=1" not in (line := child.stdout.readline()):
        assert line
    child.send_signal(signal.SIGINT)
    out = child.communicate(timeout=20)[0]
    assert child.returncode == 130 and "1 packets transmitted, 1 received" in out and "Traceback" not in out


@pytest.mark.parametrize("verb", [("nc", "-l", "5000"), ("ping", "-c", "9", "10.9.0.77")])
def test_ctrl_c_ends_quietly(ns: Namespace, verb: tuple[str, ...]) -> None:
    child = ns.tcpip(verb[0], *LINK, *HOST, *verb[1:], ready=False)
    end = time.monotonic() + 30
    while "10.9.0.1" not in ns.run("ip", "addr", "show", "tap0", check=False):
        assert time.monotonic() < end and child.poll() is None
    child.send_signal(signal.SIGINT)
    out = child.communicate(timeout=20)[0]
    assert child.returncode == 130 and "Traceback" not in out and "Error" not in out
    assert "tap0" not in ns.run("ip", "link")


def test_an_iperf_server_ends_cleanly_and_tells_what_was_sent_again(ns: Namespace) -> None:
    child = ns.tcpip("iperf", *LINK, *HOST, "--impair", "loss=2%", "-s", ready=False)
    end = time.monotonic() + 30
    while not (out := ns.run("iperf3", "-J", "-R", "-t", "1", "-c", V4, check=False)) or "error" in json.loads(out):
        assert time.monotonic() < end and child.poll() is None, out
    assert json.loads(out)["end"]["sum_sent"]["retransmits"] > 0
    child.send_signal(signal.SIGINT)
    assert "sent" in child.communicate(timeout=20)[0] and child.returncode == 0
    assert "tap0" not in ns.run("ip", "link")


def test_iperf_shows_its_progress_on_a_terminal(ns: Namespace) -> None:
    server = ns.start("iperf3", "-s", "-1", "--forceflush")
    assert server.stdout is not None
    while "listening" not in server.stdout.readline():
        pass
    ours, terminal = os.openpty()
    command = (sys.executable, "-m", "tcpip", "iperf", *LINK, *HOST, "-c", "10.9.0.1", "-t", "3")
    assert subprocess.run(ns.argv(*command), stdout=terminal, cwd=ROOT, timeout=60, check=False).returncode == 0
    lines = os.read(ours, 65536).decode().splitlines()
    os.close(ours)
    os.close(terminal)
    assert lines[0].startswith("iperf:   0-1   s  sent ") and len(lines) >= 4, lines


def test_route_neigh_and_ss_of_a_running_stack(ns: Namespace, tmp_path: Path) -> None:
    path = str(tmp_path / "control")
    running = ns.tcpip("tap", *LINK, *HOST, "-g", "10.9.0.1", "--control", path)
    ns.run("curl", "-sf", f"http://{V4}/")
    routes = json.loads(tcpip(ns, "route", path, "--json").stdout)
    assert {"dst": "default", "gateway": "10.9.0.1", "dev": "eth0"}.items() <= routes[-1].items()
    shown = tcpip(ns, "route", path).stdout
    assert "default via 10.9.0.1 dev eth0 proto static" in shown
    assert "10.9.0.0/24 dev eth0 proto kernel src 10.9.0.2" in shown
    mac = json.loads(ns.run("ip", "-j", "link", "show", "tap0"))[0]["address"]
    (neighbor,) = [n for n in json.loads(tcpip(ns, "neigh", path, "--json").stdout) if n["dst"] == "10.9.0.1"]
    assert neighbor["lladdr"] == mac and neighbor["state"][0] in ("REACHABLE", "STALE", "DELAY")
    assert f"10.9.0.1 dev eth0 lladdr {mac} " in tcpip(ns, "neigh", path).stdout
    endpoints = json.loads(tcpip(ns, "ss", "--json", path).stdout)
    assert any(e["local"] == "[::]:80" and e["state"] == "LISTEN" for e in endpoints)
    reader, writer = os.pipe()
    os.close(reader)
    told = subprocess.run(
        ns.argv(sys.executable, "-m", "tcpip", "ss", path), stdout=writer, stderr=subprocess.PIPE, cwd=ROOT, check=False
    )
    os.close(writer)
    assert (told.returncode, told.stderr) == (128 + signal.SIGPIPE, b"")
    assert ns.stop(running) == "" and not os.path.exists(path)


# Links.


@pytest.mark.parametrize("offload", [(), ("--no-offload",)])
def test_a_vlan_through_the_hosts_bridge(ns: Namespace, offload: tuple[str, ...]) -> None:
    """Two stacks in one VLAN and one outside of it, on a bridge of the kernel, which carries super-segments too."""
    server = ns.tcpip("tap", "--tap", "tap0", "-a", "10.9.5.2/24", "--vlan", "5", *offload)
    assert server.poll() is None
    for command in ("link add b0 type bridge", "link set b0 up", "link set tap0 master b0", "link set tap0 up"):
        ns.run("ip", *command.split())
    ns.run("ip", "tuntap", "add", "tap1", "mode", "tap")
    ns.run("ip", "link", "set", "tap1", "master", "b0", "up")
    client = ("--tap", "tap1", "--mac", "02:00:00:00:00:03", "-a", "10.9.5.3/24", *offload)
    done = tcpip(ns, "ping", *client, "--vlan", "5", "-s", "3000", "-c", "2", "-i", "0.1", "10.9.5.2")
    assert "2 packets transmitted, 2 received" in done.stdout, done
    request = "GET /bytes/3000000 HTTP/1.0\r\n\r\n"
    words = (sys.executable, "-m", "tcpip", "nc", *client, "--vlan", "5", "10.9.5.2", "80")
    assert ns.run(*words, data=request).count("\0") == 3_000_000
    done = tcpip(ns, "ping", *client, "--vlan", "6", "-c", "1", "-W", "0.5", "10.9.5.2")
    assert done.returncode == 1 and "0 received" in done.stdout
    done = tcpip(ns, "ping", *client, "-c", "1", "-W", "0.5", "10.9.5.2")
    assert done.returncode == 1 and "0 received" in done.stdout


def test_a_token_bucket_slows_a_download(ns: Namespace) -> None:
    ns.tcpip("tap", *LINK, *HOST, "--qdisc", "tbf,rate=8mbit,burst=30kb,latency=100ms,fq")
    speed = float(ns.run("curl", "-sf", "-o", "/dev/null", "-w", "%{speed_download}", f"http://{V4}/bytes/2000000"))
    assert speed < 1_050_000  # bytes a second: 8 Mbit/s, and a burst


# Addresses.


def udhcpd(ns: Namespace, tmp_path: Path, *options: str) -> subprocess.Popen[str]:
    """The host's DHCP server on tap0."""
    config = tmp_path / "udhcpd.conf"
    leases = tmp_path / "leases"
    leases.touch()
    lines = [
        "start 10.9.0.50",
        "end 10.9.0.59",
        "interface tap0",
        f"lease_file {leases}",
        f"pidfile {tmp_path}/pid",
        *options,
    ]
    config.write_text("\n".join(lines) + "\n")
    return ns.start("busybox", "udhcpd", "-f", "-I", "10.9.0.1", str(config))


def test_dhcp_from_a_real_server(ns: Namespace, tmp_path: Path) -> None:
    ns.run("ip", "tuntap", "add", "tap0", "mode", "tap")
    for command in ("addr add 10.9.0.1/24 dev tap0", "link set tap0 up"):
        ns.run("ip", *command.split())
    control = str(tmp_path / "control")
    child = ns.tcpip("tap", "--tap", "tap0", "--dhcp", "--control", control)
    udhcpd(
        ns, tmp_path, "option subnet 255.255.255.0", "option router 10.9.0.1", "option dns 10.9.0.1", "option lease 600"
    )
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line.startswith("tap0: 10.9.0.5") and "/24" in line
    addr = line.split()[1].partition("/")[0]
    assert ns.run("curl", "-sf", f"http://{addr}/") == "hello from tcpip\n"
    assert f"default via 10.9.0.1 dev eth0 proto static src {addr}" in tcpip(ns, "route", control).stdout
    assert "no address yet" not in ns.stop(child)


def test_a_verb_waits_for_its_dhcp_address(ns: Namespace, tmp_path: Path) -> None:
    ns.run("ip", "tuntap", "add", "tap0", "mode", "tap")
    for command in ("addr add 10.9.0.1/24 dev tap0", "link set tap0 up"):
        ns.run("ip", *command.split())
    udhcpd(ns, tmp_path, "option subnet 255.255.255.0", "option lease 600")
    done = tcpip(ns, "ping", "--tap", "tap0", "--dhcp", "-c", "1", "10.9.0.1")
    assert "1 packets transmitted, 1 received" in done.stdout, done


def test_stable_temporary_and_leased_ipv6_addresses_from_a_real_server(ns: Namespace, tmp_path: Path) -> None:
    ns.run("ip", "tuntap", "add", "tap0", "mode", "tap")
    for command in ("addr add fd00:9::1/64 dev tap0 nodad", "link set tap0 up"):
        ns.run("ip", *command.split())
    control = str(tmp_path / "control")
    options = ("--slaac", "--stable-addresses", "--temporary-addresses", "--dhcp6")
    child = ns.tcpip("tap", "--tap", "tap0", *options, "--control", control)
    ranges = "--dhcp-range=fd00:9::100,fd00:9::1ff,slaac,64,600"
    fixed = ("--port=0", "--no-daemon", "--user=root", "--conf-file=/dev/null", "--interface=tap0", "--enable-ra")
    ns.start("dnsmasq", *fixed, ranges, f"--dhcp-leasefile={tmp_path}/leases", f"--pid-file={tmp_path}/pid")
    assert child.stdout is not None
    line = child.stdout.readline()
    found = [word.partition("/") for word in line.replace(",", " ").split() if word.startswith("fd00:9::")]
    (leased,) = [addr for addr, _, length in found if length == "128"]
    others = [addr for addr, _, length in found if length == "64"]
    assert leased.startswith("fd00:9::1") and len(others) == 2, line
    assert not any("ff:fe00" in word for word in line.split()), line
    for addr in (leased, *others):
        ns.run("ping", "-6", "-c", "1", "-W", "5", addr)
    assert leased in (tmp_path / "leases").read_text()
    assert "no address yet" not in ns.stop(child)
    assert leased not in (tmp_path / "leases").read_text()


def test_link_local_address(ns: Namespace) -> None:
    child = ns.tcpip("tap", "--tap", "tap0", "--link-local", "--host-address", "169.254.1.1/16")
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line.startswith("tap0: 169.254.") and "/16" in line
    addr = line.split()[1].partition("/")[0]
    assert " 0% packet loss" in ns.run("ping", "-c", "2", "-i", "0.05", addr)


# What is wrong is said in one line.


@pytest.mark.parametrize(
    ("arguments", "message", "status"),
    [
        ((), "required: VERB", 2),
        (("frobnicate",), "invalid choice", 2),
        (("ping",), "required: host", 2),
        (("ping", "-c", "x", "10.0.0.1"), "invalid int value", 2),
        (("ping", "-s", "70000", "10.0.0.1"), "-s 0..65507", 2),
        (("traceroute", "-m", "300", "10.0.0.1"), "-m must be", 2),
        (("traceroute", *LINK, "somewhere"), "not an IPv4 or IPv6 address", 2),
        (("iperf", *LINK, "-c", "somewhere"), "not an IPv4 or IPv6 address", 2),
        (("iperf", *LINK, "-s", "-p", "99999"), "not a port", 2),
        (("tap", *LINK, "--host-address", "somewhere"), "not an IPv4 or IPv6 address", 2),
        (("nc", *LINK, "somewhere", "9"), "not an IPv4 or IPv6 address", 2),
        (("tap", *LINK, "--mac", "01:00:5e:00:00:01"), "not the Ethernet address of one interface", 2),
        (("traceroute", *LINK, "192.0.2.1"), "Network is unreachable", 1),
        (("http", *LINK, "/nonexistent"), "not a folder", 2),
        (("echo", *LINK, "-p", "99999"), "not a port", 2),
        (("tap", "--tap", "tap0", "--vlan", "5000"), "not a VLAN", 2),
        (("tap", "--tun", "tun0", "--dhcp"), "need Ethernet", 2),
        (("tap", "--interface", "lo", "--vlan", "5"), "--vlan needs a tap", 2),
        (("tap", "--tap", "tap0", "--qdisc", "red"), "not a queueing discipline", 2),
        (("tap", "--tap", "tap0", "--mtu", "10"), "not an MTU", 2),
        (("route", "/nonexistent"), "No such file", 1),
        (("neigh", "/nonexistent"), "No such file", 1),
    ],
)
def test_bad_input(ns: Namespace, arguments: tuple[str, ...], message: str, status: int) -> None:
    done = tcpip(ns, *arguments)
    assert done.returncode == status, done
    assert message in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
