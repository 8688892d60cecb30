"""What the fuzzer found worth keeping, once more and without it."""

import pytest

from .targets import TARGETS, read_corpus


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_nothing_escapes(name: str) -> None:
    target = TARGETS[name]()
    inputs = read_corpus(name)
    assert inputs
    for data in inputs:
        target(data)
