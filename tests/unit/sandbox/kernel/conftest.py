"""The kernel in a box."""

from __future__ import annotations

from typing import Iterator

import pytest

from .box import Box


@pytest.fixture
def box() -> Iterator[Box]:
    made = Box()
    yield made
    made.close()
