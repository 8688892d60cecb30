"""Device nodes behind which there is nothing."""

import errno
import stat
from typing import Any, cast

import pytest

from sandbox.errors import SyscallError
from sandbox.vfs.devices import ANY, DeviceRegistry


class Node:
    """As much of an inode as an opening looks at."""

    def __init__(self, kind: int, major: int, minor: int) -> None:
        self.mode = kind | 0o600
        self.rdev = major << 8 | minor


def opened(registry: DeviceRegistry, node: Node) -> Any:
    nothing = cast(Any, None)
    return registry.open(nothing, nothing, cast(Any, node), 0)


@pytest.mark.interpreted  # it hands in as much of an inode as it needs
def test_what_is_not_there() -> None:
    registry = DeviceRegistry()
    registry.register(10, 229, lambda *_: cast(Any, "fuse"))
    registry.register(136, ANY, lambda *_: cast(Any, "terminal"))
    assert opened(registry, Node(stat.S_IFCHR, 10, 229)) == "fuse"
    assert opened(registry, Node(stat.S_IFCHR, 136, 7)) == "terminal"
    for node, number in (
        (Node(stat.S_IFCHR, 10, 236), errno.ENODEV),
        (Node(stat.S_IFCHR, 250, 0), errno.ENXIO),
        (Node(stat.S_IFBLK, 10, 236), errno.ENXIO),
        (Node(stat.S_IFSOCK, 0, 0), errno.ENXIO),
    ):
        with pytest.raises(SyscallError) as failure:
            opened(registry, node)
        assert failure.value.errno == number
