"""What lies in a Unix socket's receive queue (struct sk_buff with unix_skb_parms), and what it is charged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sandbox.sockets.unix.peer import Ucred
    from sandbox.sockets.unix.socket import UnixSocket
    from sandbox.vfs.file_description import FileDescription

_SKB: Final = 256  # sizeof(struct sk_buff)
_SHARED: Final = 320  # sizeof(struct skb_shared_info)
_PAGE: Final = 4095
MAX_HEAD: Final = 4096 - _SHARED  # SKB_MAX_HEAD(0)
MAX_ALLOC: Final = 16384 - _SHARED  # SKB_MAX_ALLOC
STREAM_CHUNK: Final = MAX_HEAD + 32768  # the most that a stream puts into one


def _bucket(size: int) -> int:
    """What kmalloc takes."""
    bucket = 512
    while bucket < size:
        bucket <<= 1
    return bucket


def stream_charge(size: int) -> int:
    """truesize of `size` bytes of a stream."""
    if size <= 512 - _SHARED:
        return _SKB + 512
    if size <= MAX_HEAD:
        return _SKB + _bucket(size + _SHARED)
    paged = (size - MAX_HEAD + _PAGE) & ~_PAGE
    return _SKB + _bucket(max(0, size - paged) + _SHARED) + paged


def message_charge(size: int) -> int:
    """truesize of a datagram."""
    if size <= MAX_ALLOC:
        return _SKB + _bucket(size + _SHARED)
    paged = (size - MAX_ALLOC + _PAGE) & ~_PAGE
    return _SKB + _bucket(max(0, size - paged) + _SHARED) + paged


class Message:
    """`data` from `pos` on is unread. `creds`: the sender, None when nobody wanted them. `files` hold one
    reference each. `address` is the sender's name at the time.
    `peeked`: an empty one that SO_PEEK_OFF has passed."""

    __slots__ = ("data", "pos", "sender", "charge", "address", "creds", "files", "peeked")

    def __init__(
        self,
        data: bytes,
        sender: UnixSocket,
        charge: int,
        address: bytes,
        creds: Ucred | None,
        files: list[FileDescription] | None,
    ) -> None:
        self.data = data
        self.pos = 0
        self.sender = sender
        self.charge = charge
        self.address = address
        self.creds = creds
        self.files = files
        self.peeked = False
