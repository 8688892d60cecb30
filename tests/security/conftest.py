"""A container whose root is writable, and a directory of the host that it must not reach."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.bundles import change
from tests.e2e.conftest import bundle, nothing_is_left, stub  # noqa: F401
from tests.e2e.containers import Shim
from tests.e2e.guest_programs import compile_all

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:  # noqa: F811
    shim = Shim(bundle)
    change(bundle, root__readonly=False)
    yield shim
    shim.close()


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With one file in it, `secret`."""
    place = tmp_path_factory.mktemp("outside")
    (place / "secret").write_text("secret\n")
    return place


@pytest.fixture(scope="session")
def attacks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of programs/, compiled."""
    return compile_all(PROGRAMS, tmp_path_factory.mktemp("attacks"))
