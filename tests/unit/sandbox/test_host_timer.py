"""The host's timer that wakes the event loop."""

import select

import pytest

from sandbox.host_timer import HostTimer


@pytest.mark.parametrize("deadline", [-1, -(10**18), 0, 1, 999_999_999])
def test_what_has_passed_fires_at_once(deadline: int) -> None:
    timer = HostTimer()
    poll = select.poll()
    poll.register(timer.fd, select.POLLIN)
    timer.arm(deadline)
    assert poll.poll(10_000) == [(timer.fd, select.POLLIN)]
    timer.fired()
    assert poll.poll(0) == []
    timer.close()
