"""When a test fails, what its engines have logged is shown with it."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

from tests.e2e.docker.engines import Daemon

SHOWN = 20_000  # bytes of a log's end


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Daemon) and value.log.exists():
                text = value.log.read_bytes()[-SHOWN:].decode("utf-8", "replace")
                report.sections.append((f"log of {name}", text))
