"""The folder that `tcpip http` serves: what can be reached, and what cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tcpip.cli.http_folder import Folder, byte_range, listing


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "root-too").mkdir()
    (tmp_path / "root-too" / "f").write_text("outside")
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a").write_text("inside")
    (root / "sub" / "up").symlink_to("../../secret")
    (root / "sub" / "across").symlink_to("../a")
    (root / "absolute").symlink_to(tmp_path / "secret")
    (root / "all").symlink_to("/")
    (root / "loop").symlink_to("loop")
    return Folder(str(root))


def read(folder: Folder, path: str) -> bytes:
    fd = folder.open(path)
    try:
        return os.read(fd, 100)
    finally:
        os.close(fd)


@pytest.mark.parametrize("path", ["/a", "a", "//a", "/./a", "/%61", "/sub/across", "/sub//across"])
def test_inside(folder: Folder, path: str) -> None:
    assert read(folder, path) == b"inside"


@pytest.mark.parametrize(
    "path",
    [
        *("/../secret", "/%2e%2e/secret", "/sub/../../secret", "/..%2fsecret", "/%2e%2e%2fsecret", "/../root-too/f"),
        *("/sub/up", "/absolute", "/all/etc/passwd", "/loop", "/a%00", "/nothing", "/a/b", "/sub/../a"),
        "/" + "x" * 5000,
    ],
)
def test_outside(folder: Folder, path: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError):
        read(folder, path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a folder"):
        Folder(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("", None),
        ("bytes=0-0", (0, 1)),
        ("bytes=5-", (5, 10)),
        ("bytes=5-999999", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
        ("bytes=-0", (10, 10)),
        ("bytes=10-", (10, 10)),
        ("bytes=-", None),
        ("bytes=5-2", None),
        ("bytes=1-2,4-5", None),
        ("lines=1-2", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)
def test_ranges(field: str, expected: tuple[int, int] | None) -> None:
    assert byte_range(field, 10) == expected


def test_names_in_a_listing_are_escaped(tmp_path: Path) -> None:
    (tmp_path / '<b>"&').write_text("")
    (tmp_path / "javascript:x").write_text("")
    (tmp_path / os.fsdecode(b"\xff")).write_text("")
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        page = listing(fd, "/%3Cscript%3E/").decode()
    finally:
        os.close(fd)
    assert "<b>" not in page and "<script>" not in page
    assert 'href="./%3Cb%3E%22%26"' in page and 'href="./javascript%3Ax"' in page and 'href="./%FF"' in page
