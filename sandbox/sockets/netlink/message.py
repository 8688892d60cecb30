"""Netlink messages and attributes (netlink(7), include/uapi/linux/netlink.h): reading requests, writing answers."""

from __future__ import annotations

import errno
import struct
from typing import Final, Iterator

from sandbox.errors import SyscallError

NLMSG_NOOP: Final = 1
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
NLMSG_MIN_TYPE: Final = 16

NLM_F_REQUEST: Final = 1
NLM_F_MULTI: Final = 2
NLM_F_ACK: Final = 4
NLM_F_DUMP_FILTERED: Final = 0x20
NLM_F_ROOT: Final = 0x100
NLM_F_REPLACE: Final = 0x100
NLM_F_EXCL: Final = 0x200
NLM_F_ECHO: Final = 8
NLM_F_CREATE: Final = 0x400
NLM_F_APPEND: Final = 0x800
NLM_F_DUMP: Final = 0x300
NLM_F_CAPPED: Final = 0x100
NLM_F_ACK_TLVS: Final = 0x200
_ERR_MSG: Final = 1
_ERR_OFFSET: Final = 2

HEADER: Final = struct.Struct("<IHHII")  # len, type, flags, seq, pid
_ATTRIBUTE: Final = struct.Struct("<HH")
_TYPE_MASK: Final = 0x3FFF
_INT: Final = struct.Struct("<i")
LOOKS_AT_ONCE: Final = 512
GOOD_SIZE: Final = 3800  # of one datagram of a dump: what getifaddrs(3) of any libc has room for


class Refusal(SyscallError):
    """A request is refused, and why is told in Linux's words, too (struct netlink_ext_ack). `offset`: where the attribute is that it
    is about, from the message's beginning."""

    __slots__ = ("text", "offset")

    def __init__(self, number: int, text: str, offset: int = 0) -> None:
        super().__init__(number)
        self.text = text
        self.offset = offset


class Request:
    """One message of a guest. `raw` is all of it, `body` what follows the header. `warning`: what there is to say although it is
    done."""

    __slots__ = ("type", "flags", "seq", "raw", "body", "dumped", "warning")

    def __init__(self, kind: int, flags: int, seq: int, raw: bytes) -> None:
        self.type = kind
        self.flags = flags
        self.seq = seq
        self.raw = raw
        self.body = raw[HEADER.size :]
        self.warning = ""
        self.dumped = False  # a dump has answered it: it ends with NLMSG_DONE, and there is no acknowledgement

    @property
    def dump(self) -> bool:
        """Of a request that gets: one of the two flags is enough (net/core/rtnetlink.c:rtnetlink_rcv_msg). In one that
        changes they mean something else (NLM_F_REPLACE, NLM_F_EXCL)."""
        return self.flags & NLM_F_DUMP != 0

    def header(self, layout: struct.Struct) -> tuple[int, ...]:
        """The fixed part of the body; EINVAL when it is too short."""
        if len(self.body) < layout.size:
            raise SyscallError(errno.EINVAL)
        return layout.unpack_from(self.body)

    def attributes(self, fixed: int) -> dict[int, bytes]:
        """The attributes behind a fixed part of `fixed` bytes; the last of each type. EINVAL for broken ones."""
        return attributes_in(self.body[(fixed + 3) & ~3 :])


def each_attribute(body: bytes) -> list[tuple[int, bytes]]:
    """Types and bodies, in order. EINVAL for broken ones."""
    found = []
    at = 0
    while at + 4 <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if length < 4 or at + length > len(body):
            raise SyscallError(errno.EINVAL)
        found.append((kind & _TYPE_MASK, body[at + 4 : at + length]))
        at += (length + 3) & ~3
    return found


def attributes_in(body: bytes) -> dict[int, bytes]:
    """The last of each type. EINVAL for broken ones."""
    return dict(each_attribute(body))


def offset_in(body: bytes, kind: int) -> int:
    """Where the first attribute of a type is."""
    at = 0
    while at + 4 <= len(body):
        length, found = _ATTRIBUTE.unpack_from(body, at)
        if found & _TYPE_MASK == kind:
            return at
        at += max((length + 3) & ~3, 4)
    return 0


def all_attributes(body: bytes) -> list[bytes]:
    """The bodies of all of them, where a list has one type. EINVAL for broken ones."""
    return [value for _, value in each_attribute(body)]


def split(data: bytes) -> Iterator[Request]:
    """The messages of one datagram; stops at what is no message, as netlink_rcv_skb does."""
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, flags, seq, _ = HEADER.unpack_from(data, at)
        if length < HEADER.size or at + length > len(data):
            return
        yield Request(kind, flags, seq, data[at : at + length])
        at += (length + 3) & ~3


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    return _ATTRIBUTE.pack(len(value) + 4, kind) + value + bytes(-len(value) & 3)


def u8(kind: int, value: int) -> bytes:
    return attribute(kind, bytes((value,)))


def u32(kind: int, value: int) -> bytes:
    return attribute(kind, (value & 0xFFFFFFFF).to_bytes(4, "little"))


def string(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode("latin-1", "replace") + b"\0")


def message(kind: int, flags: int, seq: int, port: int, body: bytes) -> bytes:
    """One message, padded."""
    return HEADER.pack(HEADER.size + len(body), kind, flags, seq, port) + body + bytes(-len(body) & 3)


def error(request: Request, number: int, port: int, capped: bool, offset: int = 0, text: str = "") -> bytes:
    """NLMSG_ERROR (0: an acknowledgement); an error quotes the request unless `capped`. For sockets with NETLINK_EXT_ACK:
    `offset`: where the attribute is that it is about; `text`: what there is to say about it."""
    quoted = request.raw[: HEADER.size] if capped or not number else request.raw
    flags = NLM_F_CAPPED if len(quoted) < len(request.raw) else 0
    if offset or text:
        quoted, flags = quoted + bytes(-len(quoted) & 3), flags | NLM_F_ACK_TLVS
        quoted += (string(_ERR_MSG, text) if text else b"") + (u32(_ERR_OFFSET, offset) if offset else b"")
    return message(NLMSG_ERROR, flags, request.seq, port, _INT.pack(-number) + quoted)


def dump(
    request: Request, port: int, kind: int, bodies: list[bytes], filtered: bool = False, error: int = 0
) -> list[bytes]:
    """The datagrams of a dump: messages of type `kind`, then NLMSG_DONE, which has the errno that ended it."""
    request.dumped = True
    flags = NLM_F_MULTI | (NLM_F_DUMP_FILTERED if filtered else 0)
    datagrams: list[bytes] = []
    part = bytearray()
    for body in bodies:
        one = message(kind, flags, request.seq, port, body)
        if part and len(part) + len(one) > GOOD_SIZE:
            datagrams.append(bytes(part))
            part.clear()
        part += one
    if part:
        datagrams.append(bytes(part))
    datagrams.append(message(NLMSG_DONE, flags, request.seq, port, _INT.pack(-error)))
    return datagrams


def long_dump(request: Request, port: int, kind: int, bodies: Iterator[bytes]) -> Iterator[bytes]:
    """The same of what there may be very much of, made as it is read. A body that is empty is nothing to tell; after many of
    them so is a datagram, and others should have their turn."""
    request.dumped = True  # as soon as somebody asks for the first
    part = bytearray()
    nothing = 0
    for body in bodies:
        if not body:
            nothing += 1
            if nothing == LOOKS_AT_ONCE:
                nothing = 0
                yield b""
            continue
        one = message(kind, NLM_F_MULTI, request.seq, port, body)
        if part and len(part) + len(one) > GOOD_SIZE:
            yield bytes(part)
            nothing = 0
            part.clear()
        part += one
    if part:
        yield bytes(part)
    yield message(NLMSG_DONE, NLM_F_MULTI, request.seq, port, _INT.pack(0))
