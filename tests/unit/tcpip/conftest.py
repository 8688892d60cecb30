"""dpkt and scapy look at what the tests' stacks send."""

from collections.abc import Generator

import pytest

from tests.oracles import watching


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    with watching() as seen:
        result = yield
    if item.get_closest_marker("any_packets") is None:
        seen.check()
    return result
