"""Unknown words name the known ones; help covers everything; the right exit status for each verb."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runsc.cli import VERBS, load_verb, run_command_line
from runsc.config import NETWORKS


def error_of(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = run_command_line(list(words))
    err = capfd.readouterr().err
    assert err.startswith("runsc: ") and err.count("\n") == 1
    return status, err


def test_no_verb(capfd: pytest.CaptureFixture[str]) -> None:
    status, err = error_of(capfd)
    assert status == 1 and all(verb in err for verb in VERBS)


def test_unknown_verb(capfd: pytest.CaptureFixture[str]) -> None:
    status, err = error_of(capfd, "frob")
    assert status == 3 and "unknown verb 'frob'" in err and all(verb in err for verb in VERBS)


def test_unknown_flag_of_a_verb(capfd: pytest.CaptureFixture[str]) -> None:
    status, err = error_of(capfd, "do", "--frob", "x")
    assert status == 125 and "unknown flag --frob for do" in err and "--volume" in err and "--network" in err


@pytest.mark.parametrize("words", [("--network=foo", "do", "x"), ("do", "--network", "foo", "x")])
def test_unknown_network(capfd: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    status, err = error_of(capfd, *words)
    assert status in (1, 125) and "unknown network 'foo'" in err and ", ".join(NETWORKS) in err


def test_unknown_platform(capfd: pytest.CaptureFixture[str]) -> None:
    status, err = error_of(capfd, "do", "--platform=kvm", "x")
    assert status == 125 and "unknown platform 'kvm'; known: auto, lane, ptrace" in err


@pytest.mark.parametrize(
    "words",
    [
        ("do",),
        ("do", "--user=me", "x"),
        ("do", "--volume=/tmp", "x"),
        ("do", "--volume=/no/where:/x", "x"),
        ("do", "--volume=/tmp:relative", "x"),
        ("do", "--volume=/tmp:/a/../b", "x"),
        ("do", "--env==x", "x"),
        ("do", "--timeout=soon", "x"),
        ("do", "--timeout=-1", "x"),
        ("do", "--timeout", "-0.5s", "x"),
        ("do", "--timeout=nan", "x"),
        ("do", "--timeout=inf", "x"),
        ("do", "--timeout=1e3", "x"),
        ("do", "--timeout=", "x"),
        ("do", "--memory=lots", "x"),
        ("do", "--tap=tap7", "x"),
        ("--tap=tap7", "--network=sandbox", "do", "x"),
        ("do", "--network=tap", "--tap=sixteen-letters-", "x"),
        ("do", "--network=tap", "--tap=", "x"),
        ("do", "--network=tap", "--tap=a/b", "x"),
        ("do", "--network=tap", "--tap=tap%d", "x"),
        ("do", "--network=tap", "--tap=a b", "x"),
        ("do", "--network=tap", "--tap=..", "x"),
        ("do", "--publish=80", "x"),
        ("do", "--network=none", "--publish=80:80", "x"),
        ("do", "--allow=::1", "x"),
        ("do", "--hostname=a_b", "x"),
        ("do", "--rootfs=/no/where", "x"),
        ("do", "--cwd=/no/where", "x"),
        ("do", "--tmpfs=here", "x"),
        ("do", "--pcap-log=/no/where", "x"),
        ("do", "--network=none", "--pcap-log=/tmp/x.pcapng", "x"),
        ("do", "--network=none", "--allow=example.org", "x"),
    ],
)
def test_bad_arguments_of_do(capfd: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert error_of(capfd, *words)[0] == 125


@pytest.mark.parametrize(
    "words", [("run",), ("run", "a", "b"), ("run", "a/b"), ("run", ".."), ("syscalls", "x"), ("help", "a", "b")]
)
def test_bad_arguments_of_the_others(capfd: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert error_of(capfd, *words)[0] == 1


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["help", verb]) == 0
    first = capsys.readouterr().out
    assert run_command_line([verb, "--help"]) == 0
    assert capsys.readouterr().out == first or verb == "help"
    for flag in load_verb(verb).flags:
        assert f"--{flag.name}" in first


def test_general_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {verb} " in out for verb in VERBS)


@pytest.mark.parametrize("flag", ["--json", "--format=json"])
def test_the_system_calls_as_json(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["syscalls", flag]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows if row["number"] == 0] == ["read"] and len(rows) > 400


def test_the_page_of_system_calls_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["syscalls", "--format", "markdown"]) == 0
    page = Path(__file__).parents[3] / "docs" / "syscalls.md"
    assert capsys.readouterr().out == page.read_text(encoding="utf-8")
