"""A guest over an overlay of a fresh host directory."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from tests.unit.sandbox.vfs.guest import Guest, make_kernel


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    tmp_path.chmod(0o755)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_bytes(b"root:x:0:0\n")
    kernel = make_kernel(str(tmp_path))
    guest = Guest(kernel)
    yield guest
    guest.fds.release()
    kernel.close()
