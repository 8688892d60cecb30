"""Programs that look at packets and write their own, inside the sandbox: tcpdump, arping, nmap, a DHCP client's packets."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.e2e.conftest import runsc

WATCH = """
set -e
mkfifo ready
tcpdump -U -nn -i {} -w seen.pcap '{}' 2>ready &
read -r line <ready
cat ready >/dev/null &
{}
while [ "$(tcpdump -nn -r seen.pcap 2>/dev/null | wc -l)" -lt {} ]; do :; done
kill $!
kill -INT %1
wait %1
tcpdump -nn -r seen.pcap 2>/dev/null
"""


def needs(*names: str) -> None:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    for name in names:
        if shutil.which(name, path=path) is None:
            pytest.skip(f"needs {name}")


def inside(script: str, *flags: str) -> str:
    done = runsc("--network=internal", *flags, "do", "/bin/bash", "-c", "cd /tmp; " + script)
    assert done.status == 0, done
    return done.out


def test_tcpdump_on_the_loopback() -> None:
    needs("tcpdump", "ping")
    out = inside(WATCH.format("lo", "icmp", "ping -c 2 -i 0.01 127.0.0.1 >/dev/null", 4))
    kinds = [line.split("ICMP ")[1].split(",")[0] for line in out.splitlines()]
    assert kinds == ["echo request", "echo reply"] * 2, out


def test_tcpdump_on_the_wire_sees_a_connection() -> None:
    needs("tcpdump", "curl")
    fetch = "curl -s -o /dev/null http://10.0.2.1/ || true"
    out = inside(WATCH.format("eth0", "tcp port 80", fetch, 5))
    flags = [line.split("Flags [")[1].split("]")[0] for line in out.splitlines()]
    assert flags[:3] == ["S", "S.", "."] and "10.0.2.15" in out, out


def test_arping() -> None:
    needs("arping")
    out = inside("/usr/sbin/arping -c 2 -W 0.1 -i eth0 10.0.2.1")
    assert "2 packets received" in out, out


def test_nmap() -> None:
    needs("nmap")
    out = inside("nmap -n -sS -p 53,80,81 10.0.2.1; nmap -n -sS -p 7 127.0.0.1")
    assert "53/tcp open" in out and "80/tcp open" in out and "81/tcp closed" in out and "7/tcp closed" in out, out


DISCOVER = """
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))
s.bind(("eth0", 0x800))
s.settimeout(20)
query = bytes.fromhex("1234010000010000000000000873746163 6b626f7808696e7465726e616c0000010001".replace(" ", ""))
udp = struct.pack("!HHHH", 4444, 53, 8 + len(query), 0) + query
def ip(body):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, 0, 64, 17, 0, bytes((10, 0, 2, 15)), bytes((10, 0, 2, 1)))
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", 0xFFFF - total) + head[12:] + body
s.sendto(ip(udp), ("eth0", 0x800, 0, 0, b"\\xff" * 6))
while True:
    data, address = s.recvfrom(2000)
    if data[9] == 17 and data[20:24] == struct.pack("!HH", 53, 4444):
        print(address[0], hex(address[1]), address[2], data[28:30].hex())
        break
"""


def test_a_packet_of_ones_own_making_is_answered() -> None:
    """As a DHCP client does it: to everybody, without the host's own stack."""
    assert inside(f"python3 -c '{DISCOVER}'") == "eth0 0x800 0 1234\n"


def test_without_the_capability() -> None:
    done = runsc(
        "do",
        "setpriv",
        "--bounding-set=-net_raw",
        "--inh-caps=-net_raw",
        "python3",
        "-c",
        "import socket; socket.socket(17, 3, 0)",
    )
    assert done.status == 1 and "PermissionError" in done.err, done


def test_nothing_is_left_of_rings() -> None:
    """More than there can be at once, one after another: none is counted for ever."""
    script = """
import mmap, socket, struct
for _ in range(100):
    s = socket.socket(17, 3, 0x0300)
    s.setsockopt(263, 10, 1)
    s.setsockopt(263, 5, struct.pack("=IIII", 1 << 20, 4, 2048, 2048))
    m = mmap.mmap(s.fileno(), 4 << 20)
    s.close()
    m.close()
held = []
try:
    while True:
        s = socket.socket(17, 3, 0x0300)
        s.setsockopt(263, 5, struct.pack("=IIII", 4096, 1, 2048, 2))
        held.append(s)
except OSError as error:
    print(len(held), error.errno)
"""
    assert inside(f"python3 -c '{script}'") == "32 12\n"


def test_the_host_sees_what_the_guest_writes_on_its_interface() -> None:
    """`--network sandbox`: frames leave through the packet socket as they were written."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    from tests.e2e.test_own_address import Lan

    lan = Lan("sandbox")
    try:
        listen = (
            "import socket; s = socket.socket(17, 3, 0xB588); s.settimeout(30); print('ready', flush=True); "
            "print(s.recv(100)[14:])"
        )
        child = lan.serve(["ip", "netns", "exec", lan.far, "python3", "-c", listen], "ready")
        send = "import socket; s = socket.socket(17, 3, 0); s.bind(('eth0', 0)); s.send(b'\\xff' * 12 + b'\\x88\\xb5' + b'frame')"
        sent = lan.do("python3", "-c", send)
        assert sent.status == 0, sent
        assert child.communicate(timeout=60)[0] == "b'frame'\n"
    except subprocess.TimeoutExpired:
        pytest.fail("the frame never came")
    finally:
        lan.close()


FORGE = """
import socket, struct
def sums(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - ((total & 0xFFFF) + (total >> 16))
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))
s.bind(("eth0", 0x800))
s.settimeout(20)
for port in (81, 80):
    src, dst = bytes((10, 0, 2, 15)), bytes((10, 0, 2, 1)) if port == 80 else bytes((9, 9, 9, 9))
    tcp = struct.pack("!HHIIBBHHH", 5555, port, 7, 0, 0x50, 2, 1000, 0, 0)
    tcp = tcp[:16] + struct.pack("!HH", sums(src + dst + struct.pack("!HH", 6, 20) + tcp), 0)
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, src, dst)
    s.sendto(head[:10] + struct.pack("!H", sums(head)) + head[12:] + tcp, ("eth0", 0x800, 0, 0, b"\\x02\\x53\\x42\\0\\0\\1"))
while True:
    data, address = s.recvfrom(2000)
    if data[9] == 6 and data[22:24] == struct.pack("!H", 5555):
        print(".".join(map(str, data[12:16])), int.from_bytes(data[20:22], "big"), hex(data[33]))
        if data[20:22] == b"\\0\\x50":
            break
"""


def test_what_is_not_allowed_does_not_leave_as_a_frame() -> None:
    """Two forged SYNs: the one to a stranger is refused, and told of; the one to the gateway's own service is answered."""
    done = runsc("--network=user", "--allow=1.1.1.1:443", "do", "python3", "-c", FORGE)
    assert done.status == 0 and done.out.endswith("10.0.2.1 80 0x12\n"), done
    assert "denied" in done.err and "9.9.9.9" in done.err, done
