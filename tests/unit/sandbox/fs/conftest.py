"""Fixtures shared with the tests of the VFS, and a volume."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator

import pytest

from sandbox.fs.overlay.root import Volume
from tests.unit.sandbox.vfs.conftest import guest
from tests.unit.sandbox.vfs.guest import Guest, make_kernel


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[tuple[Guest, Path]]:
    """A guest with a writable volume at /v; a secret lies beside it."""
    (tmp_path / "root").mkdir()
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_bytes(b"secret")
    fd = os.open(inside, os.O_RDONLY | os.O_DIRECTORY)
    kernel = make_kernel(str(tmp_path / "root"), volumes=(Volume(fd, b"/v"),))
    kernel.host_fds.append(fd)
    guest = Guest(kernel)
    yield guest, inside
    guest.fds.release()
    kernel.close()


__all__ = ["guest"]
