"""Mounts of type overlay: the host's own, of directories of the host, as an engine puts one over a volume or an image."""

from __future__ import annotations

import _socket
import os
import struct
from typing import Final

from runsc.failure import RuntimeFailure
from sandbox.abi.linux.statfs import MS_PRIVATE, MS_REC
from sandbox.boot import libc

PLACE: Final = "/proc"  # what is mounted goes over it, in a namespace that ends at once
_INT: Final = struct.Struct("i")


def make(data: bytes, root: str, what: str) -> int:
    """Such a mount, attached nowhere: it lasts as long as the descriptor. RuntimeFailure begins with `what`."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        try:
            _make_and_send(data, root, theirs)
        finally:
            os._exit(0)
    theirs.close()
    said, ancillary, _, _ = ours.recvmsg(4096, _socket.CMSG_SPACE(_INT.size), _socket.MSG_CMSG_CLOEXEC)
    ours.close()
    os.waitpid(pid, 0)
    for _, _, fds in ancillary:
        return int(_INT.unpack(fds)[0])
    raise RuntimeFailure(f"{what}: {said.decode('utf-8', 'replace') or 'the process that mounts was killed'}")


def _make_and_send(data: bytes, root: str, channel: _socket.socket) -> None:
    try:
        os.chdir(root)  # where relative layers begin, as with runc
        libc.unshare(libc.CLONE_NEWNS)
        libc.mount(b"none", b"/", b"", MS_REC | MS_PRIVATE)
        libc.mount(b"overlay", os.fsencode(PLACE), b"overlay", 0, data)
        tree = libc.open_tree(libc.AT_FDCWD, False, PLACE)
    except OSError as error:
        text = f"overlay with {os.fsdecode(data)}: {os.strerror(error.errno or 0).lower()}"
        channel.send(text.encode("utf-8", "replace"))
        return
    channel.sendmsg([b"+"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, _INT.pack(tree))])
