"""A kernel in a box whose process 1 makes the calls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.sandbox.kernel.box import Box


@pytest.fixture
def box() -> Iterator[Box]:
    box = Box()
    yield box
    box.close()
