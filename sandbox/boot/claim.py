"""One sandbox at a time has the interfaces of a network namespace: the next one waits until they are given back.

The claim is a listening socket with an abstract name (unix(7)), which exists once in a network namespace and ends with
its last holder, however that ends. Who finds it taken connects to it, and hears of the end by that connection.
"""

from __future__ import annotations

import _socket
import contextlib
import os
import select
import struct
import time
from typing import Final

NAME: Final = b"\0runsc/interfaces"
WAIT_S: Final = 10.0  # longer than a keeper needs for its duties
_AGAIN_S: Final = 0.01
_UCRED: Final = struct.Struct("iII")  # pid, user, group: SO_PEERCRED
_FLAGS: Final = _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK


def claim(wait_s: float = WAIT_S) -> int:
    """The socket, as a descriptor; -1 when another user has taken the name, which then means nothing. TimeoutError when
    a sandbox keeps it for `wait_s` seconds; OSError when the host has no sockets."""
    deadline = time.monotonic() + wait_s
    while True:
        with contextlib.closing(_socket.socket(_socket.AF_UNIX, _FLAGS)) as sock:
            try:
                sock.bind(NAME)
                sock.listen(128)
                return sock.detach()
            except OSError:
                left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("another sandbox has the interfaces of this network namespace")
        if not _wait(left):
            return -1


def _wait(bound_s: float) -> bool:
    """Until its holder's end, or not as long. False: it is no sandbox of ours."""
    with contextlib.closing(_socket.socket(_socket.AF_UNIX, _FLAGS)) as sock:
        try:
            sock.connect(NAME)
        except OSError:  # it has ended just now, or many wait
            time.sleep(min(bound_s, _AGAIN_S))
            return True
        _, user, _ = _UCRED.unpack(sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _UCRED.size))
        if user not in (0, os.geteuid()):
            return False
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN)
        poll.poll(bound_s * 1000)
        return True
