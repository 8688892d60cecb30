"""Tests that each run in a sandbox, on a simulated network: `pytest -p stackbox.pytest_plugin test_in_a_sandbox.py`."""

from __future__ import annotations

import os
import socket

import pytest


@pytest.mark.sandbox
def test_the_world_is_a_small_one() -> None:
    assert os.getuid() == 0 and os.getpid() < 1000
    open("/tmp/marker", "w").close()


@pytest.mark.sandbox(hostname="two")
def test_each_has_its_own() -> None:
    assert not os.path.exists("/tmp/marker") and socket.gethostname() == "two"


@pytest.mark.sandbox
def test_only_the_simulated_network_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    with pytest.raises(OSError):
        socket.create_connection(("192.0.2.1", 80), timeout=5)
