"""Bulk TCP between our stack and the host's over a link that loses, delays, reorders, repeats and damages packets.

Our own impairment is always used; the host's netem, which disturbs what the host sends, where its kernel has it.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import HOST, LINK, Namespace

V4, V6 = "10.9.0.2", "fd00:9::2"
SIZE = 2_000_000

OURS = {
    "loss": "loss=2%,delay=4ms",
    "bursts": "burst_enter=0.2%,burst_leave=25%,delay=4ms",
    "reordering": "delay=8ms,jitter=6ms,reorder=20%",
    "narrow": "rate=200mbit,queue_limit=40,delay=2ms",
    "everything": "loss=1%,delay=3ms,jitter=2ms,reorder=5%,duplicate=2%,corrupt=1%",
}
NETEM = {
    "loss": "delay 4ms loss 2%",
    "bursts": "delay 4ms loss gemodel 0.2% 25%",
    "reordering": "delay 8ms reorder 80% 50%",
    "narrow": "delay 2ms rate 200mbit limit 40",
    "everything": "delay 3ms 2ms loss 1% duplicate 2% corrupt 1%",
}

TRANSFER = """
import hashlib, socket, sys, threading
host, size = sys.argv[1], int(sys.argv[2])
data = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(size // 32))
s = socket.create_connection((host, 7), 60)
def up():
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
thread = threading.Thread(target=up)
thread.start()
whole = hashlib.sha256()
while chunk := s.recv(1 << 20):
    whole.update(chunk)
thread.join()
print(whole.hexdigest())
"""


def digest() -> str:
    """Of what TRANSFER sends and must get back."""
    return hashlib.sha256(b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(SIZE // 32))).hexdigest()


def counter(ns: Namespace, control: Path, name: str) -> int:
    """One of the stack's MIB counters."""
    words = ns.run(sys.executable, "-m", "tcpip", "ss", "-s", str(control)).replace(",", " ").split()
    return sum(int(word.partition("=")[2]) for word in words if word.startswith(name + "="))


def transfer(ns: Namespace, host: str, scratch: Path) -> None:
    """Both ways at once through the echo service; then each way alone through curl."""
    got = ns.run(sys.executable, "-c", TRANSFER, host, str(SIZE), timeout=120)
    assert got.strip() == digest()
    base = f"http://[{host}]" if ":" in host else f"http://{host}"
    out = ns.run("curl", "-sSf", "-o", "/dev/null", "-w", "%{size_download}", f"{base}/bytes/{SIZE}", timeout=120)
    assert out == str(SIZE)
    (scratch / "up").write_bytes(bytes(SIZE))
    done = ns.run("curl", "-sSf", "-T", str(scratch / "up"), f"{base}/up", timeout=120)
    assert done == f"{SIZE} bytes received\n"


@pytest.mark.parametrize("host", [V4, V6])
@pytest.mark.parametrize("kind", OURS)
def test_bulk_over_our_impairment(ns: Namespace, tmp_path: Path, kind: str, host: str) -> None:
    control = tmp_path / "control"
    ns.tcpip("tap", *LINK, *HOST, "--impair", OURS[kind], "--control", str(control))
    transfer(ns, host, tmp_path)
    if kind != "reordering":
        assert counter(ns, control, "RetransSegs") > 0


def has_netem(ns: Namespace) -> bool:
    done = subprocess.run(
        ns.argv("tc", "qdisc", "add", "dev", "lo", "root", "netem", "loss", "1%"), capture_output=True
    )
    return done.returncode == 0


@pytest.mark.parametrize("host", [V4, V6])
@pytest.mark.parametrize("kind", NETEM)
def test_bulk_over_netem(ns: Namespace, tmp_path: Path, kind: str, host: str) -> None:
    if not has_netem(ns):
        pytest.skip("this kernel has no netem")
    ns.run("tc", "qdisc", "del", "dev", "lo", "root")
    ns.tcpip("tap", *LINK, *HOST)
    ns.run("tc", "qdisc", "add", "dev", "tap0", "root", "netem", *NETEM[kind].split())
    transfer(ns, host, tmp_path)
