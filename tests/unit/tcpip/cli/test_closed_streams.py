"""Who starts the command with its output closed gets a status, not a traceback."""

from __future__ import annotations

import sys

import pytest

from tcpip.cli.main import run


def test_closed_output_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert run(["ss", "/nonexistent"]) == 1
    assert sys.stdout is not None
    sys.stdout.close()
