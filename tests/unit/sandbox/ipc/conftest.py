"""A kernel in a box that has mounts, with little memory for what the sentry keeps."""

from __future__ import annotations

from typing import Iterator

import pytest

from sandbox.fs.tmpfs.filesystem import Tmpfs
from sandbox.vfs.devices import DeviceRegistry
from sandbox.vfs.mount import MountNamespace, Vfs
from sandbox.vfs.space import SpaceAccount

from ..kernel.box import Box

SPACE = 1 << 20


@pytest.fixture
def box() -> Iterator[Box]:
    made = Box()
    vfs = Vfs(made.clock, DeviceRegistry(), SpaceAccount(SPACE))
    made.kernel.mounts = MountNamespace(vfs, Tmpfs(made.clock, vfs.new_dev(), account=vfs.space))
    yield made
    made.close()


@pytest.fixture
def space(box: Box) -> SpaceAccount:
    return box.kernel.mounts.vfs.space
