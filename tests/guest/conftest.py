"""The sandbox that the programs run in is of this checkout's sources."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def stub() -> None:
    """The guest stub is of these sources, also where they have changed since the set-up."""
    from sandbox.platform.lane import build

    build.build()
