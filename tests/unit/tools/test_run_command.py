"""`make run`."""

from __future__ import annotations

import pytest

from tools import main_job, run_command


def test_ctrl_c_at_any_time_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setenv("CMD", "")
    monkeypatch.setattr(main_job, "main_job", interrupted)
    assert run_command.main() == 1
    assert capsys.readouterr().out == "exit status 130\n"
