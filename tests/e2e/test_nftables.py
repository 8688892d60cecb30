"""nft(8) and iptables-nft(8) inside do, show and refuse what they do natively in namespaces of their own: `nftables/*.sh`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import runsc

BOUND_S = 180
SCRIPTS = Path(__file__).parent / "nftables"
pytestmark = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("nft", "iptables-nft", "conntrack", "ip", "ping")),
    reason="needs nftables, iptables and conntrack",
)


def _same(name: str, folder: Path) -> None:
    words = ["unshare", "-nm", "bash", "-c", (SCRIPTS / f"{name}.sh").read_text()]
    native = subprocess.run([*words, "bash", str(folder)], capture_output=True, text=True, check=False, timeout=BOUND_S)
    inside = runsc("do", "--cap-add", "ALL", "/usr/bin/unshare", *words[1:], bound_s=BOUND_S)
    assert inside.out == native.stdout
    assert inside.status == native.returncode


@pytest.mark.parametrize("name", ["errors", "lists", "monitor"])
def test_rulesets(name: str, tmp_path: Path) -> None:
    _same(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conntrack", "iptables", "loopback", "router"])
def test_packets(name: str, tmp_path: Path) -> None:
    _same(name, tmp_path)
