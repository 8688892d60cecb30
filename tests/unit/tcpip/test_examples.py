"""The examples that need no privilege do what they say, the same each time. Those on a tap are in tests/integration."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tools.labels import ROOT


def run(name: str, *arguments: str) -> str:
    """What an example prints; it must succeed and complain of nothing."""
    words = [sys.executable, "-W", "error", f"examples/{name}.py", *arguments]
    beside = {
        name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"
    }  # an example imports another
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=beside, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_two_hosts() -> None:
    first = run("two_hosts")
    found = re.fullmatch(r"100000 bytes there and back in (\S+) s, (\d+) segments sent again\n", first)
    assert found is not None and 0.1 < float(found[1]) < 5 and int(found[2]) > 0
    assert run("two_hosts") == first


def test_own_library() -> None:
    assert re.fullmatch(r"81\n[1-9]\d* segments came in\n", run("own_library"))


def test_own_congestion_control() -> None:
    rows = [line.split() for line in run("own_congestion_control").splitlines()]
    assert [row[0] for row in rows] == ["cubic", "stubborn"]
    assert float(rows[1][1]) < float(rows[0][1])


def test_compare_congestion(tmp_path: Path) -> None:
    names = [line.split()[0] for line in run("compare_congestion", str(tmp_path / "out.png"), "10").splitlines()]
    assert {"cubic", "reno"} <= set(names)
    data = (tmp_path / "out.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    size = int.from_bytes(data[33:37], "big")
    pixels = zlib.decompress(data[41 : 41 + size])
    assert len(pixels) == height * (1 + 3 * width)
    for colour in (b"\xc0\x39\x2b", b"\x1f\x6f\xb4"):
        assert pixels.count(colour) > width // 2


def test_port_scanner() -> None:
    lines = run("port_scanner", "20-130").splitlines()
    assert lines[:2] == ["22/tcp open", "80/tcp open"]
    assert lines[2:-1] == [f"{port}/tcp filtered" for port in range(100, 120)]
    assert lines[-1] == "89 ports are closed"


def test_captive_network() -> None:
    before, login, after = run("captive_network").splitlines()
    assert "302 Found" in before and "from=203.0.113.80" in before
    assert "204" in login and after.endswith("200 OK the real one")


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")))
def test_examples_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 120
