"""Every case through runc and through ours; those of unlike.py are left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.beside_runc.case import Case
from tests.e2e.beside_runc.cases import CASES
from tests.e2e.beside_runc.compare import RUNC, differences
from tests.e2e.beside_runc.trial import Trial, build_probe
from tests.e2e.beside_runc.unlike import reason
from tests.e2e.bundles import needs_busybox

pytestmark = [
    needs_busybox,
    pytest.mark.skipif(not RUNC, reason="runc is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="runc is run as root"),
]
QUICK = (
    "user-not-privileged", "caps-all-sets", "caps-ambient-of-user", "rlimits-unlimited", "cwd-is-made", "env-of-user", "sysctl",
    "mount-order", "masked", "bind-options", "devices", "exit-status", "not-found", "not-executable", "term-without-handler", "no-such",
)  # fmt: skip


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program inside, built once; skips where the host lets runc itself run nothing."""
    made = build_probe(tmp_path_factory.mktemp("probe"))
    plain = next(case for case in CASES if case.name == "user-not-privileged")
    words = Trial(plain, [RUNC], tmp_path_factory.mktemp("plain"), made).go()
    if not any(line.endswith("status 0") for line in words):
        pytest.skip(f"runc cannot run a container here: {words[:3]}")
    return made


def params() -> list[object]:
    """Quick ones bare, the others marked."""
    cases = [case for case in CASES if not reason(case.name)]
    return [pytest.param(case, id=case.name, marks=() if case.name in QUICK else pytest.mark.slow) for case in cases]


@pytest.mark.parametrize("case", params())
def test_beside_runc(case: Case, probe: Path) -> None:
    """The same lines; `python -m tests.e2e.beside_runc NAME` says it again."""
    found = differences(case, probe)
    assert not found, "\n".join(found)
