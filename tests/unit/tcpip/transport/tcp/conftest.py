"""Fixtures of the TCP tests."""

from __future__ import annotations

import pytest

from tests.unit.tcpip.transport.tcp.peer import PeerHost


@pytest.fixture
def peer() -> PeerHost:
    """A scripted peer without timestamps, so that headers are easy to read."""
    return PeerHost()
