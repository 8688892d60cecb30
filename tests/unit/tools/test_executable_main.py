"""The cache of the compiled executable's libraries."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[3] / "tools/executable_main.py"
SUFFIX = ".cpython-311-x86_64-linux-gnu.so"
CONTENTS = b"a library"


@pytest.fixture
def main() -> dict[str, Any]:
    """What executable_main.py defines; nothing is started."""
    tree = ast.parse(SOURCE.read_text())
    tree.body = tree.body[: next(at for at, node in enumerate(tree.body) if ast.unparse(node) == "start()")]
    space: dict[str, Any] = {"archive": "/runsc", "index": {}, "fd": -1, "__name__": "executable_main"}
    exec(compile(tree, str(SOURCE), "exec"), space)
    space["piece"] = lambda place: CONTENTS
    return space


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten libraries of other versions, used one second after another, and a half unpacked one."""
    folder = tmp_path / "stackbox"
    folder.mkdir(mode=0o700)
    for number in range(10):
        library = folder / f"{number}{SUFFIX}"
        library.write_bytes(CONTENTS)
        os.utime(library, (1_000_000 + number, 1_000_000 + number))
    half = folder / f"x{SUFFIX}.4711"
    half.write_bytes(b"")
    os.utime(half, (1_000_003, 1_000_003))
    return folder


def unpack(main: dict[str, Any], folder: Path, digest: str) -> None:
    library = main["Library"]("group", SUFFIX, digest, (0, len(CONTENTS)), ())
    fd = library.unpacked(str(folder))
    assert os.read(fd, 100) == CONTENTS
    os.close(fd)


def test_old_ones_are_removed_when_one_is_added(main: dict[str, Any], folder: Path) -> None:
    (folder / "notes").write_text("somebody's")
    unpack(main, folder, "new")
    assert {path.name for path in folder.iterdir()} == {f"{name}{SUFFIX}" for name in ("new", "9", "8", "7")} | {
        "notes"
    }


def test_those_that_were_used_last_stay(main: dict[str, Any], folder: Path) -> None:
    unpack(main, folder, "2")
    assert len(list(folder.iterdir())) == 11  # nothing was added
    unpack(main, folder, "new")
    assert {path.name for path in folder.iterdir()} == {f"{name}{SUFFIX}" for name in ("new", "2", "9", "8")}
