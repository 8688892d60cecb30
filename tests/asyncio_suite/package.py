"""Where the tests are: beside this Python's standard library or, as on Debian, in a package of their own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Final

import test

VERSION: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
PACKAGE: Final = f"libpython{VERSION}-testsuite"
WORK: Final = Path(__file__).resolve().parents[2] / "build" / "asyncio_suite"


class NoTests(Exception):
    """Why the tests can't be had on this machine."""


def provide() -> None:
    """Make `test.test_asyncio` importable, fetching Debian's package if need be. NoTests."""
    if importlib.util.find_spec("test.test_asyncio") is not None:
        return
    folder = WORK / "usr/lib" / f"python{VERSION}" / "test"
    if not folder.is_dir():
        WORK.mkdir(parents=True, exist_ok=True)
        for command in (["apt-get", "download", "-q", PACKAGE], ["sh", "-c", f"dpkg-deb -x {PACKAGE}_*.deb ."]):
            done = subprocess.run(command, cwd=WORK, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NoTests(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")
    test.__path__.insert(0, str(folder))
    importlib.invalidate_caches()
