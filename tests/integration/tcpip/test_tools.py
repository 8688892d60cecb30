"""The tools that people point at a machine find one at the other end of the tap."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import HOST, LINK, Namespace
from .programs import program, start_sshd, tap_for_kernel, wait_for_port

V4, V6 = "10.9.0.2", "fd00:9::2"
pytestmark = pytest.mark.slow


@pytest.fixture
def machine(ns: Namespace) -> Namespace:
    ns.tcpip("tap", *LINK, *HOST, "--iperf")
    return ns


@pytest.mark.parametrize(("host", "size"), [(V4, "0"), (V4, "1472"), (V4, "65507"), (V6, "1452"), (V6, "65487")])
def test_ping_sizes(machine: Namespace, host: str, size: str) -> None:
    assert " 0% packet loss" in machine.run("ping", "-c", "5", "-i", "0.05", "-W", "5", "-s", size, host)


def test_ping_flood(machine: Namespace) -> None:
    out = machine.run("ping", "-f", "-q", "-c", "100000", V4, timeout=120)
    assert "100000 packets transmitted, 100000 received, 0% packet loss" in out


@pytest.mark.parametrize("words", [(), ("-T", "-p", "80"), ("-T", "-p", "81"), ("-I",), ("-6",)])
def test_traceroute(machine: Namespace, words: tuple[str, ...]) -> None:
    host = V6 if "-6" in words else V4
    patient = ("-w", "5,0,0")  # else three times the first answer's time is enough for the others
    hops = machine.run(program("traceroute"), "-n", *patient, *words, host).splitlines()[1:]
    assert len(hops) == 1 and hops[0].split()[:2] == ["1", host] and "*" not in hops[0]


def test_arping(machine: Namespace) -> None:
    out = machine.run(program("arping"), "-c", "3", "-W", "0.1", "-i", "tap0", V4)
    assert "02:00:00:00:00:02" in out and "3 packets received" in out
    assert (
        machine.run(program("arping"), "-c", "1", "-w", "1", "-i", "tap0", "10.9.0.77", check=False).count("from") == 0
    )


@pytest.mark.parametrize("words", [(), ("-u",), ("-T", "-P", "80")])
def test_mtr(machine: Namespace, words: tuple[str, ...]) -> None:
    found = json.loads(machine.run(program("mtr"), "-n", "-j", "-c", "3", "-i", "0.2", "-G", "1", *words, V4))
    hops = found["report"]["hubs"]
    assert [(hop["host"], hop["Loss%"]) for hop in hops] == [(V4, 0.0)]


def test_nmap(machine: Namespace) -> None:
    """Open, closed, and what it is: the fingerprint is a whole one, though nmap's list has none like it."""
    out = machine.run(program("nmap"), "-n", "-Pn", "-sS", "-O", "-p", "7,9,19,22,79-82", V4, timeout=120)
    states = dict(re.findall(r"^(\d+)/tcp +(\S+)", out, re.MULTILINE))
    assert states == {"7": "open", "9": "open", "19": "open", "80": "open"} | dict.fromkeys(
        ("22", "79", "81", "82"), "closed"
    )
    assert "Network Distance: 1 hop" in out and "MAC Address: 02:00:00:00:00:02" in out
    assert "No OS matches" not in out and "Too many fingerprints" not in out
    out = machine.run(program("nmap"), "-n", "-Pn", "-sU", "-p", "7,9,19,53", V4, timeout=120)
    states = dict(re.findall(r"^(\d+)/udp +(\S+)", out, re.MULTILINE))
    assert states == {"7": "open", "9": "open|filtered", "19": "open", "53": "closed"}


def test_nmap_versions(machine: Namespace) -> None:
    command = (program("nmap"), "-n", "-Pn", "-sV", "--version-intensity", "2", "-p", "7,19,80,81", V4)
    found = re.findall(r"^(\d+)/tcp +(\S+) +(\S+)", machine.run(*command, timeout=240), re.MULTILINE)
    assert [row[:2] for row in found] == [("7", "open"), ("19", "open"), ("80", "open"), ("81", "closed")]
    assert [row[2].rstrip("?") for row in found[:3]] == ["echo", "chargen", "http"]


@pytest.mark.parametrize("words", [(), ("-k",)])
def test_ab(machine: Namespace, words: tuple[str, ...]) -> None:
    out = machine.run(program("ab"), "-q", "-n", "3000", "-c", "50", *words, f"http://{V4}/", timeout=120)
    assert re.search(r"Complete requests: +3000\n", out) and re.search(r"Failed requests: +0\n", out)


def test_wrk_with_a_thousand_connections(machine: Namespace) -> None:
    out = machine.run(program("wrk"), "-t1", "-c1000", "-d3s", "--timeout", "20s", f"http://{V4}/", timeout=60)
    requests = re.search(r"(\d+) requests in", out)
    assert requests and int(requests[1]) > 100
    assert "Socket errors" not in out and "Non-2xx" not in out


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("-S", "-p", "80"), "flags=SA"),
        (("-S", "-p", "81"), "flags=RA"),
        (("-A", "-p", "80"), "flags=R "),
        (("-F", "-P", "-U", "-p", "81"), "flags=RA"),
        (("-1",), "icmp_seq="),
        (("-2", "-p", "999"), "Port Unreachable"),
    ],
)
def test_hping3(machine: Namespace, words: tuple[str, ...], answer: str) -> None:
    command = machine.argv(program("hping3"), "-n", "-c", "3", "-i", "u20000", *words, V4)
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.stdout.count(answer) == 3, done.stdout + done.stderr


def test_nc(machine: Namespace) -> None:
    assert machine.run(program("nc"), "-N", V4, "7", data="over tcp\n") == "over tcp\n"
    assert machine.run(program("nc"), "-u", "-W", "1", V4, "7", data="over udp\n") == "over udp\n"


def test_tcpdump_sees_good_checksums(ns: Namespace, tmp_path: Path) -> None:
    """Of everything that the stack sends without the host's help; the host's own are whole on the wire only."""
    ns.tcpip("tap", *LINK, *HOST, "--no-offload")
    capture = tmp_path / "out.pcap"
    watcher = ns.start(
        program("tcpdump"), "-i", "tap0", "--immediate-mode", "-U", "-w", str(capture), "-Z", "root", f"src host {V4}"
    )
    assert watcher.stdout is not None and "listening" in watcher.stdout.readline()
    ns.run("curl", "-sf", "-o", "/dev/null", f"http://{V4}/bytes/100000")
    ns.run("ping", "-c", "1", "-s", "3000", V4)
    ns.stop(watcher)
    out = ns.run("tcpdump", "-n", "-vv", "-r", str(capture))
    assert out.count("(correct)") > 5 and "incorrect" not in out and not re.search(r"\bbad\b", out)


OPTIONS = {
    "out": (),
    "in": ("-R",),
    "eight": ("-P", "8"),
    "both": ("--bidir",),
    "udp": ("-u", "-b", "20M"),
    "udp in": ("-u", "-b", "20M", "-R"),
    "udp both": ("-u", "-b", "20M", "--bidir"),
    "udp three": ("-u", "-b", "5M", "-P", "3"),
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_iperf3_as_client(machine: Namespace, kind: str) -> None:
    found = json.loads(machine.run("iperf3", "-c", V4, "-t", "1", "-J", *OPTIONS[kind]))
    assert "error" not in found
    ends = [name for name in found["end"] if name.startswith("sum")]
    received = [found["end"][name] for name in ends if "received" in name] or [found["end"]["sum"]]
    assert len(received) == (2 if "--bidir" in OPTIONS[kind] else 1)
    for way in received:
        assert way["bytes"] > 100_000, found["end"]
        assert way.get("lost_percent", 0) < 5


@pytest.mark.parametrize("kind", OPTIONS)
def test_iperf3_as_server(ns: Namespace, kind: str) -> None:
    tap_for_kernel(ns)
    ns.start("iperf3", "-s", "-1")
    wait_for_port(ns, 5201)
    command = ("-m", "tcpip", "iperf", *LINK, "-c", "10.9.0.1", "-t", "1", "--json", *OPTIONS[kind])
    found = json.loads(ns.run(sys.executable, *command))
    assert found["bytes"] > 100_000 and found["receiver_bits_per_second"] > 1_000_000
    assert found.get("lost", 0) < 100


def test_ssh_through_the_stack(ns: Namespace, tmp_path: Path) -> None:
    """The client's bytes go through `tcpip nc`, a machine of its own on the tap."""
    tap_for_kernel(ns)
    key = start_sshd(ns, tmp_path, 2222)
    proxy = f"{sys.executable} -m tcpip nc {' '.join(LINK)} 10.9.0.1 2222"
    options = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes")
    command = (program("ssh"), "-i", str(key), *options, "-o", f"ProxyCommand={proxy}", "root@stack")
    (tmp_path / "data").write_bytes(os.urandom(2_000_000))
    line = f"cat; echo; echo $SSH_CONNECTION; cat {tmp_path / 'data'} | sha256sum"
    out = ns.run(*command, line, data="through\n")
    digest = subprocess.run(["sha256sum", str(tmp_path / "data")], capture_output=True, text=True).stdout.split()[0]
    assert out.startswith("through\n") and f"{V4} " in out and digest in out
    copied = ns.run(*command, f"cat {tmp_path / 'data'} | base64 -w0")
    assert len(copied) == (2_000_000 + 2) // 3 * 4
