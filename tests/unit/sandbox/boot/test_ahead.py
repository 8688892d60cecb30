"""What is imported while hooks run is there under the names that are listed."""

from __future__ import annotations

import importlib.util

import pytest

from sandbox.boot import ahead


@pytest.mark.parametrize("name", [*ahead.ALWAYS, *ahead.ATTACHED, *ahead.FILTERED, *ahead.SET])
def test_every_module_is_there(name: str) -> None:
    assert importlib.util.find_spec(name) is not None
