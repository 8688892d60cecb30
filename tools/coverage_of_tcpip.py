"""Line coverage of tcpip/: `python -m tools.coverage_of_tcpip [LEAST]` runs what tests it quickly (units, packetdrill) and
prints the share of each module; status 1 below LEAST percent. By sys.monitoring from Python 3.12 on."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tools.labels import ROOT

TESTS: Final = ("tests/unit/tcpip", "tests/packetdrill", "tests/fuzz")
LEFT_OUT: Final = "tcpip/cli/*,tcpip/__main__.py,tcpip/link/tap.py,tcpip/link/packetsocket.py"
"""Run in processes of their own, in network namespaces: tests/integration/tcpip."""


def main() -> int:
    least = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(folder) / "data")
        environ = {**os.environ, "COVERAGE_FILE": data}
        if sys.version_info >= (3, 12):
            environ["COVERAGE_CORE"] = "sysmon"
        run = [sys.executable, "-m", "coverage", "run", "--source=tcpip", "-m", "pytest", "-q", *TESTS]
        status = subprocess.run([*run, "-m", "not slow and not soak"], cwd=ROOT, env=environ, check=False).returncode
        report = [
            sys.executable,
            "-m",
            "coverage",
            "report",
            f"--omit={LEFT_OUT}",
            f"--fail-under={least}",
            "--skip-covered",
        ]
        return subprocess.run(report, cwd=ROOT, env=environ, check=False).returncode or status


if __name__ == "__main__":
    sys.exit(main())
