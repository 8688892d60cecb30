"""A client of the host's rtnetlink: what the network namespace that this process is in has, changes, and word of changes.

A container that has a network comes through here at its start, where a library of all of netlink would be most of the time.
Source: netlink(7), rtnetlink(7), include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h, fib_rules.h.
"""

from __future__ import annotations

import _socket
import errno
import os
import struct
from typing import Final

from sandbox.sockets.netlink.message import (
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    attribute,
    attributes_in,
    message,
    split,
    u8,
    u32,
)

AF_NETLINK: Final = 16
NETLINK_ROUTE: Final = 0
SOCK_RAW: Final = 3

RTM_NEWLINK, RTM_GETLINK = 16, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_GETROUTE = 24, 26
RTM_NEWRULE, RTM_DELRULE = 32, 33

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU = 1, 3, 4
IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_FLAGS = 1, 2, 4, 8
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_TABLE = 1, 4, 5, 6, 7, 15
FRA_IIFNAME, FRA_PRIORITY, FRA_IP_PROTO, FRA_DPORT_RANGE = 3, 6, 22, 24
FR_ACT_TO_TBL: Final = 1
RTN_UNICAST, RTN_LOCAL = 1, 2
RTPROT_BOOT: Final = 3
RT_SCOPE_LINK, RT_SCOPE_HOST = 253, 254
TABLE_MAIN, TABLE_LOCAL = 254, 255

LINK: Final = struct.Struct("<BxHiII")  # struct ifinfomsg: family, type, index, flags, change
ADDRESS: Final = struct.Struct("<BBBBI")  # struct ifaddrmsg: family, prefix length, flags, scope, index
ROUTE: Final = struct.Struct("<BBBBBBBBI")  # struct rtmsg, struct fib_rule_hdr

LINKS: Final = 1 << 0 | 1 << 4 | 1 << 8 | 1 << 6 | 1 << 10
"""The groups of links, and of addresses and routes of both families."""
_DUMP_INTERRUPTED: Final = 0x10
_TRIES: Final = 10
_SIZE: Final = 1 << 16


class RtNetlink:
    """One socket. `groups`: for `heard` alone, as what is asked would get mixed with it. OSError."""

    __slots__ = ("_socket", "_seq")

    def __init__(self, groups: int = 0) -> None:
        self._socket = _socket.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)
        self._seq = 0
        if groups:
            self._socket.setblocking(False)
            self._socket.bind((0, groups))

    def __enter__(self) -> RtNetlink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """The descriptor goes."""
        self._socket.close()

    def fileno(self) -> int:
        """What to poll for reading."""
        return self._socket.fileno()

    def heard(self) -> bool:
        """Whether there was word of a change, of which there is none left now. Some that got lost counts, too."""
        found = False
        while True:
            try:
                self._socket.recv(_SIZE)
            except BlockingIOError:
                return found
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
            found = True

    def dump(self, kind: int, family: int, fixed: struct.Struct) -> list[tuple[tuple[int, ...], dict[int, bytes]]]:
        """All there is of a kind (RTM_GET*): the fixed part of each, and its attributes."""
        request = bytes((family,)) + bytes(fixed.size - 1)
        for _ in range(_TRIES):
            found, whole = self._dump(kind, request)
            if whole:
                break
        return [(fixed.unpack_from(body), attributes_in(body[fixed.size :])) for body in found]

    def _dump(self, kind: int, request: bytes) -> tuple[list[bytes], bool]:
        """`False`: what is there has changed meanwhile, and something may be missing."""
        self._send(kind, NLM_F_DUMP, request)
        found: list[bytes] = []
        whole = True
        while True:
            for one in split(self._socket.recv(_SIZE)):
                if one.seq != self._seq:
                    continue
                if one.flags & _DUMP_INTERRUPTED:
                    whole = False
                if one.type == NLMSG_DONE:
                    return found, whole
                if one.type == NLMSG_ERROR:
                    _check(one.body)
                found.append(one.body)

    def change(self, kind: int, flags: int, body: bytes) -> None:
        """One request, and its acknowledgement. OSError."""
        self._send(kind, flags | NLM_F_ACK, body)
        while True:
            for one in split(self._socket.recv(_SIZE)):
                if one.seq == self._seq and one.type == NLMSG_ERROR:
                    _check(one.body)
                    return

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._seq += 1
        self._socket.send(message(kind, NLM_F_REQUEST | flags, self._seq, 0, body))

    # Changes.

    def add_address(self, index: int, addr: bytes, length: int, broadcast: bytes = b"", flags: int = 0) -> None:
        """OSError: EEXIST, or there is no such interface."""
        body = _address(index, addr, length)
        body += attribute(IFA_BROADCAST, broadcast) if broadcast else b""
        body += u32(IFA_FLAGS, flags) if flags else b""
        self.change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body)

    def replace_address(self, index: int, addr: bytes, length: int) -> None:
        """One that may be there."""
        self.change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, _address(index, addr, length))

    def remove_address(self, index: int, addr: bytes, length: int) -> None:
        """OSError: it is not there."""
        self.change(RTM_DELADDR, 0, _address(index, addr, length))

    def add_route(
        self, prefix: bytes, length: int, gateway: bytes, index: int, metric: int, protocol: int = RTPROT_BOOT
    ) -> None:
        """To the main table; `gateway` b"": on link. OSError: EEXIST, ENETUNREACH."""
        scope = 0 if gateway else RT_SCOPE_LINK
        parts = attribute(RTA_DST, prefix) if length else b""
        parts += u32(RTA_OIF, index) + (attribute(RTA_GATEWAY, gateway) if gateway else b"")
        parts += u32(RTA_PRIORITY, metric) if metric else b""
        head = ROUTE.pack(family_of(prefix), length, 0, 0, TABLE_MAIN, protocol, scope, RTN_UNICAST, 0)
        self.change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, head + parts)

    def add_local_route(self, index: int, source: bytes, table: int) -> None:
        """Every IPv4 address is one of this host, to who looks in that table."""
        parts = u32(RTA_OIF, index) + attribute(RTA_PREFSRC, source)
        head = ROUTE.pack(2, 0, 0, 0, table, RTPROT_BOOT, RT_SCOPE_HOST, RTN_LOCAL, 0)
        self.change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, head + parts)

    def add_rule(self, family: int, priority: int, table: int, protocol: int = 0, port: int = 0) -> None:
        """What is sent in the namespace itself, or just that to a port, looks in a table below 256."""
        body = ROUTE.pack(family, 0, 0, 0, table, 0, 0, FR_ACT_TO_TBL, 0)
        body += u32(FRA_PRIORITY, priority) + attribute(FRA_IIFNAME, b"lo\0")
        if protocol:
            body += u8(FRA_IP_PROTO, protocol) + attribute(FRA_DPORT_RANGE, struct.pack("=HH", port, port))
        self.change(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, body)

    def remove_rule(self, family: int, priority: int, table: int) -> None:
        """The first one of a priority that leads to a table."""
        body = ROUTE.pack(family, 0, 0, 0, table, 0, 0, FR_ACT_TO_TBL, 0) + u32(FRA_PRIORITY, priority)
        self.change(RTM_DELRULE, 0, body)


def _address(index: int, addr: bytes, length: int) -> bytes:
    """What names one in a request."""
    head = ADDRESS.pack(family_of(addr), length, 0, 0, index)
    return head + attribute(IFA_LOCAL, addr) + attribute(IFA_ADDRESS, addr)


def family_of(addr: bytes) -> int:
    """AF_INET or AF_INET6."""
    return 2 if len(addr) == 4 else 10


def number(attributes: dict[int, bytes], kind: int) -> int:
    """Of 32 bits; 0 where there is none."""
    return int.from_bytes(attributes.get(kind, b"")[:4], "little")


def _check(body: bytes) -> None:
    code = -int.from_bytes(body[:4], "little", signed=True)
    if code:
        raise OSError(code, os.strerror(code))
