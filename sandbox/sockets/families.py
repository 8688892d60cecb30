"""Which protocol families there are. Each is loaded when the first socket of it is made."""

from __future__ import annotations

import errno
from typing import Callable, Final

from sandbox.abi.linux.socket import AF_MAX, AF_UNIX
from sandbox.errors import SyscallError
from sandbox.sockets.base import Family


def _unix() -> Family:
    from sandbox.sockets.unix import UnixFamily

    return UnixFamily()


LOADERS: Final[dict[int, Callable[[], Family]]] = {AF_UNIX: _unix}


def find_family(number: int) -> Family:
    """The family `number`; EAFNOSUPPORT."""
    if not 0 <= number < AF_MAX:
        raise SyscallError(errno.EAFNOSUPPORT)
    loader = LOADERS.get(number)
    if loader is None:
        raise SyscallError(errno.EAFNOSUPPORT)
    return loader()
