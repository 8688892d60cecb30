"""The cache of the compiled executable's libraries."""

from __future__ import annotations

import ast
import marshal
import os
import sys
from pathlib import Path
from types import ModuleType
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


def modules(main: dict[str, Any], path: Path) -> Any:
    """Of a file in which the code of two modules begins after five bytes."""
    code = [marshal.dumps(compile(f"number = {number}", "", "exec")) for number in range(2)]
    path.write_bytes(b"front" + b"".join(code))
    table = {"sandbox.late_a": (False, 0, len(code[0])), "runsc.late_b": (False, len(code[0]), len(code[1]))}
    main["archive"] = str(path)
    return main["Modules"](table, {}, os.open(path, os.O_RDONLY), 5, {})


def number(loader: Any, name: str) -> int:
    module = ModuleType(name)
    loader.exec_module(module)
    return int(module.number)


def test_modules_are_read_one_at_a_time(main: dict[str, Any], tmp_path: Path) -> None:
    loader = modules(main, tmp_path / "runsc")
    assert loader.descriptors() == {main["HIGH"]} and not os.get_inheritable(main["HIGH"])
    assert number(loader, "runsc.late_b") == 1 and number(loader, "sandbox.late_a") == 0
    os.close(main["HIGH"])  # by who knows nothing of it
    assert number(loader, "runsc.late_b") == 1
    os.close(*loader.descriptors())


def pieces(main: dict[str, Any], path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Of a file with one module and what is executed before it."""
    sources = {
        "piece_a": "number = 1",
        "piece_b": "import sys; number = sys.modules['piece_a'].number + 1",
        "x.y": "1 / 0",
    }
    together = marshal.dumps(tuple((name, compile(source, "", "exec")) for name, source in sources.items()))
    root = marshal.dumps(compile("from piece_b import number", "", "exec"))
    path.write_bytes(together + root)
    main["archive"] = str(path)
    table = {"root": (False, len(together), len(root)), **{name: (False, 0, 0) for name in sources}}
    loader = main["Modules"](table, {"root": {"root": (0, len(together))}}, os.open(path, os.O_RDONLY), 0, {})
    for name in sources:
        monkeypatch.delitem(sys.modules, name, raising=False)
    return loader


def test_what_comes_with_a_module_is_executed_before_it(
    main: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = pieces(main, tmp_path / "runsc", monkeypatch)
    assert number(loader, "root") == 2
    made = sys.modules.pop("piece_b")
    assert (
        made.__spec__ is not None and made.__spec__.loader is loader and made.__file__ == f"{tmp_path}/runsc/piece_b.py"
    )
    assert "x.y" not in sys.modules  # its package has not been imported: nobody has asked for it yet
    os.close(*loader.descriptors())


def test_what_comes_with_a_module_is_held_too(
    main: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = pieces(main, tmp_path / "runsc", monkeypatch)
    loader.pieces = loader.verbs["root"]
    loader.hold(("root",))
    (tmp_path / "runsc").unlink()
    assert number(loader, "root") == 2 and not loader.held and not loader.held_pieces
    del sys.modules["piece_b"]


def test_what_was_imported_before_stays_as_it_is(
    main: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = pieces(main, tmp_path / "runsc", monkeypatch)
    before = ModuleType("piece_a")
    before.number = 7  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "piece_a", before)
    assert number(loader, "root") == 8
    del sys.modules["piece_b"]
    os.close(*loader.descriptors())


def test_what_is_held_needs_no_file(main: dict[str, Any], tmp_path: Path) -> None:
    loader = modules(main, tmp_path / "runsc")
    loader.hold()
    assert not loader.descriptors() and main["identity"](main["HIGH"]) is None
    (tmp_path / "runsc").unlink()
    assert number(loader, "sandbox.late_a") == 0
    with pytest.raises(ImportError):  # not a sentry's
        number(loader, "runsc.late_b")


def test_another_file_in_its_place_is_not_read(main: dict[str, Any], tmp_path: Path) -> None:
    loader = modules(main, tmp_path / "runsc")
    os.close(main["HIGH"])
    (tmp_path / "runsc").write_bytes(b"another")
    with pytest.raises(ImportError, match="changed while it ran"):
        number(loader, "sandbox.late_a")
    os.close(*loader.descriptors())


def test_everything_is_held_where_the_descriptor_is_somebodys(main: dict[str, Any], tmp_path: Path) -> None:
    os.dup2(0, main["HIGH"])
    try:
        loader = modules(main, tmp_path / "runsc")
        assert not loader.descriptors() and main["identity"](main["HIGH"]) == main["identity"](0)
    finally:
        os.close(main["HIGH"])
    (tmp_path / "runsc").unlink()
    assert number(loader, "runsc.late_b") == 1 and number(loader, "sandbox.late_a") == 0
