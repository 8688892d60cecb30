"""Every .pkt below here is a test: run against the stack in virtual time, over IPv4 and over IPv6.

A script with an --ip_version of its own is run as it says. `// xfail: reason` says that the stack does otherwise, and why
it is so for now; the day it no longer does, the test fails until the line goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.oracles import watching
from tools.packetdrill.cli import Options, run_script

MODES: dict[str, Options] = {
    "ipv4": [("ip_version", "ipv4")],
    "ipv6": [("ip_version", "ipv6"), ("mtu", "1520")],
}
"""With the larger MTU both families have the same MSS."""
XFAIL = re.compile(r"^// xfail: (.+)$", re.MULTILINE)


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    if file_path.suffix == ".pkt":
        return Scripts.from_parent(parent, path=file_path)
    return None


class Scripts(pytest.File):
    """One script, in every mode that it is meant for."""

    def collect(self) -> Iterator[pytest.Item]:
        text = self.path.read_text()
        own = "--ip_version" in text
        for name, options in {"": []}.items() if own else MODES.items():
            if "--mtu" in text:
                options = options[:1]
            item: Any = Scenario.from_parent(self, name=name or "script", options=options)
            reason = XFAIL.search(text)
            if reason:
                item.add_marker(pytest.mark.xfail(reason=reason.group(1), strict=True, raises=Deviation))
            yield item


class Deviation(Exception):
    """What packetdrill prints."""


class Scenario(pytest.Item):
    """One run."""

    def __init__(self, *, options: Options, **rest: Any) -> None:
        super().__init__(**rest)
        self.options = options

    def runtest(self) -> None:
        with watching() as seen:
            error = run_script(str(self.path), self.options)
        if error:
            raise Deviation(error)
        seen.check()

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        if isinstance(excinfo.value, Deviation):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.parent.name}/{self.path.stem} [{self.name}]"
