"""Lines for the user: written at once where nobody has to wait, else left to the launcher."""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.boot.notices import write_line


def test_a_line_goes_to_a_pipe_and_a_file(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    assert write_line(writer, "a\nb\x1b")
    assert os.read(reader, 100) == b"runsc: a\\nb\\x1b\n"
    os.close(writer)
    os.close(reader)
    with (tmp_path / "log").open("wb") as file:
        assert write_line(file.fileno(), "kept")
    assert (tmp_path / "log").read_bytes() == b"runsc: kept\n"


def test_nobody_waits_for_a_reader() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while os.write(writer, bytes(4096)):
            pass
    except BlockingIOError:
        os.set_blocking(writer, True)
    assert not write_line(writer, "x")
    os.close(reader)
    assert not write_line(writer, "x")  # POLLERR
    os.close(writer)


def test_what_is_the_launchers() -> None:
    leader, terminal = os.openpty()
    assert not write_line(terminal, "x")
    os.close(terminal)
    os.close(leader)
    reader, writer = os.pipe()
    assert not write_line(writer, "x" * 5000)
    os.close(reader)
    os.close(writer)
    assert not write_line(writer, "closed")
