"""CPython's own tests of asyncio with a loop whose network is a stack (tests/asyncio_suite)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.asyncio_suite.left_out import MODULES
from tests.asyncio_suite.package import NoTests, provide

pytestmark = pytest.mark.slow
ONE_SELECTOR = ("test_events", "test_sock_lowlevel", "test_sendfile")
"""They repeat everything for each selector of the system, which makes no difference to sockets of a stack."""


@pytest.mark.parametrize("module", MODULES)
def test_module(module: str) -> None:
    try:
        provide()
    except NoTests as why:
        pytest.skip(str(why))
    name = f"{module}.EPollEventLoopTests" if module in ONE_SELECTOR else module
    done = subprocess.run(
        [sys.executable, "-m", "tests.asyncio_suite", name], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
