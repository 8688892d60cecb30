"""The log cannot be forged, and its last line is the error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runsc.cli import run_command_line
from runsc.log import printable, quote, timestamp


@pytest.mark.parametrize("text", ["", "plain", 'a"b\\c', "line\nbreak", "\x1b[31m", "é 漢 😀", "\udcff", "\u2028"])
def test_quote_is_json_on_one_line(text: str) -> None:
    quoted = quote(text)
    assert quoted.isascii() and quoted.isprintable()
    assert json.loads(quoted) == text


def test_printable_escapes_control_characters() -> None:
    assert printable("a\nb\x1b[0m\u202ec") == "a\\nb\\x1b[0m\\u202ec"
    assert printable("größe") == "größe"


def test_timestamp() -> None:
    assert timestamp(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123456Z"


def test_the_error_is_the_last_line_of_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    bundle = str(tmp_path / "a\nb")
    status = run_command_line(["--log", str(log), "--log-format=json", "run", "--bundle", bundle, "id"])
    assert status == 1
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and err.startswith("runsc: bundle ")
    last = json.loads(log.read_text().splitlines()[-1])
    assert last["level"] == "error" and last["msg"] == f"bundle {bundle}: no such directory"


def test_text_format(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert run_command_line(["--log", str(log), "run", "--bundle", "/no such", "id"]) == 1
    assert log.read_text().splitlines()[-1].endswith(' level=error msg="bundle /no such: no such directory"')


def test_a_log_that_cannot_be_written(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--log", "/no/where", "version"]) == 1
    assert capfd.readouterr().err == "runsc: --log /no/where: No such file or directory\n"
