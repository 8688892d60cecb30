"""Exit statuses of `do`, and the one line that goes with a failure."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.e2e.conftest import do, runsc


def give(path: Path) -> str:
    return f"--volume={path}:/given"


@pytest.mark.parametrize("status", [0, 1, 7, 124, 255])
def test_the_commands_own_status(status: int) -> None:
    assert do("/bin/sh", "-c", f"exit {status}").status == status


@pytest.mark.parametrize(("name", "number"), [("TERM", 15), ("KILL", 9), ("SEGV", 11), ("USR1", 10)])
def test_128_and_the_signal(name: str, number: int) -> None:
    result = do("/bin/sh", "-c", f"kill -{name} $$")
    assert result.status == 128 + number, result


def test_output_and_input_pass_through() -> None:
    result = do("/bin/sh", "-c", "cat; echo err >&2", stdin="hello\n")
    assert (result.status, result.out, result.err) == (0, "hello\n", "err\n")


@pytest.mark.parametrize("command", ["no-such-command", "/no/such/command", "./none"])
def test_127_not_found(command: str) -> None:
    result = do(command)
    assert result.status == 127 and result.err.startswith("runsc: ") and result.err.count("\n") == 1, result
    assert command in result.err


def test_126_no_execute_permission(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("#!/bin/sh\nexit 3\n")
    result = do(give(tmp_path), "/given/plain")
    assert result.status == 126 and result.err.count("\n") == 1, result


def test_126_a_directory() -> None:
    assert do("/usr").status == 126


def elf(machine: int = 62, kind: int = 2) -> bytes:
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    return ident + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)


BAD_PROGRAMS = {
    "empty": b"",
    "text": b"hello world\n",
    "other-machine": elf(machine=183) + bytes(200),
    "truncated": elf()[:40],
    "no-program-headers": elf(),
    "lying-headers": elf()[:54] + struct.pack("<HHHHH", 56, 0xFFFF, 0, 0, 0),
    "core-file": elf(kind=4) + bytes(200),
    "no-interpreter": b"#!\n",
    "missing-interpreter": b"#!/no/such/interpreter\n",
    "huge-segment": elf() + struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 1 << 62, 1 << 63, 4096),
}


@pytest.mark.parametrize("name", sorted(BAD_PROGRAMS))
def test_programs_that_cannot_be_executed(name: str, tmp_path: Path) -> None:
    program = tmp_path / name
    program.write_bytes(BAD_PROGRAMS[name])
    program.chmod(0o755)
    result = do(give(tmp_path), f"/given/{name}")
    assert result.status in (126, 127, 139, 137), result
    assert result.status not in (126, 127) or result.err.count("\n") == 1, result
    assert (result.status == 127) == (name == "missing-interpreter"), result


def test_an_interpreter_loop(tmp_path: Path) -> None:
    program = tmp_path / "loop"
    program.write_text("#!/given/loop\n")
    program.chmod(0o755)
    result = do(give(tmp_path), "/given/loop")
    assert result.status == 126 and "Too many levels of symbolic links" in result.err, result


def test_a_timeout_of_nothing_is_none() -> None:
    for zero in ("0", "0.0s", "0ms"):
        result = do(f"--timeout={zero}", "/bin/sh", "-c", "sleep 0.05; echo done")
        assert (result.status, result.out, result.err) == (0, "done\n", "")
    assert "0: never" in runsc("help", "do").out and "0: never" in runsc("help", "run").out


def test_timeout_kills_and_says_so() -> None:
    result = do("--timeout=500ms", "/bin/sleep", "100")
    assert result.status == 137 and result.err == "runsc: timed out after 0.5 s; everything inside was killed\n", result


def test_a_timeout_before_the_command_has_begun() -> None:
    """It waits for the first process as any signal does that comes while the sandbox is being made."""
    result = do("--timeout=1ms", "/bin/sh", "-c", "sleep 0.2; echo done")
    said = "runsc: timed out after 0.001 s; everything inside was killed\n"
    assert (result.status, result.out, result.err) == (137, "", said), result


def test_the_error_is_the_last_line_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = runsc("--log", str(log), "--log-format=json", "do", "/no/such")
    assert result.status == 127
    import json

    last = json.loads(log.read_text().splitlines()[-1])
    assert last["level"] == "error" and "/no/such" in last["msg"]
