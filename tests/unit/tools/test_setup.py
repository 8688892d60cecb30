"""tools/setup.sh where everything is there already."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

from tools.labels import ROOT


def test_every_module_has_its_byte_code() -> None:
    """A start is mostly importing, and would compile each time where Python is told to write no byte code."""
    subprocess.run(["sh", "tools/setup.sh", "run"], cwd=ROOT, check=True)
    modules = [path for package in ("runsc", "sandbox", "tcpip") for path in (ROOT / package).rglob("*.py")]
    assert not [path for path in modules if not Path(importlib.util.cache_from_source(str(path))).exists()]
