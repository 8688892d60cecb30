"""A packet socket on an existing interface, such as a container's veth, with PACKET_VNET_HDR offload.

The interface's own addresses must be gone, else the host answers as well. Needs CAP_NET_RAW in the interface's namespace.
Source: packet(7), net/packet/af_packet.c.
"""

from __future__ import annotations

import _socket
import fcntl
import os
import struct
from typing import Final

from tcpip.link.fdbased import FdLink

AF_PACKET: Final = 17
SOCK_RAW: Final = 3
SOL_PACKET: Final = 263
PACKET_ADD_MEMBERSHIP: Final = 1
PACKET_VNET_HDR: Final = 15
PACKET_IGNORE_OUTGOING: Final = 23
PACKET_MR_PROMISC: Final = 1
SO_SNDBUF: Final = 7
SO_RCVBUF: Final = 8
SO_SNDBUFFORCE: Final = 32
SO_RCVBUFFORCE: Final = 33
SIOCGIFMTU: Final = 0x8921
SIOCGIFHWADDR: Final = 0x8927
ETH_P_ALL: Final = 0x0003
CLONE_NEWNET: Final = 0x40000000
BUFFER: Final = 8 << 20


class PacketSocketLink(FdLink):
    """Frames of interface `name`; `netns` is a descriptor of the network namespace that has it (-1: the current one).

    MTU and MAC are the interface's. OSError when there is no such interface or no permission.
    """

    def __init__(self, name: str, netns: int = -1, offload: bool = True, promiscuous: bool = False) -> None:
        sock = open_socket(netns, offload)
        try:
            request = struct.pack("16s16x", name.encode())
            mac = fcntl.ioctl(sock.fileno(), SIOCGIFHWADDR, request)[18:24]
            mtu = struct.unpack_from("=i", fcntl.ioctl(sock.fileno(), SIOCGIFMTU, request), 16)[0]
            sock.bind((name, ETH_P_ALL))
            if promiscuous:
                index = _index(sock.fileno(), request)
                membership = struct.pack("=iHH8s", index, PACKET_MR_PROMISC, 0, b"")
                sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
            fd = os.dup(sock.fileno())
        finally:
            sock.close()
        super().__init__(fd, mtu, mac, 0, offload)


def _index(fd: int, request: bytes) -> int:
    number: int = struct.unpack_from("=i", fcntl.ioctl(fd, 0x8933, request), 16)[0]
    return number


def open_socket(netns: int = -1, offload: bool = True) -> _socket.socket:
    """An AF_PACKET socket, not bound, in another namespace if one is given; the caller's namespace is unchanged."""
    sock = _in_namespace(netns)
    try:
        if offload:
            sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        for force, plain in ((SO_RCVBUFFORCE, SO_RCVBUF), (SO_SNDBUFFORCE, SO_SNDBUF)):
            try:
                sock.setsockopt(1, force, BUFFER)
            except PermissionError:
                sock.setsockopt(1, plain, BUFFER)
    except OSError:
        sock.close()
        raise
    return sock


def bind(fd: int, name: str) -> None:
    """Frames of interface `name` from now on, which needs no right. OSError: there is none."""
    sock = _socket.socket(AF_PACKET, SOCK_RAW, 0, fd)
    try:
        sock.bind((name, ETH_P_ALL))
    finally:
        sock.detach()


def _in_namespace(netns: int) -> _socket.socket:
    if netns < 0:
        return _socket.socket(AF_PACKET, SOCK_RAW, 0)
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(libc, netns)
        try:
            return _socket.socket(AF_PACKET, SOCK_RAW, 0)
        finally:
            _setns(libc, here)
    finally:
        os.close(here)


def _setns(libc: object, fd: int) -> None:
    import ctypes

    if libc.setns(fd, CLONE_NEWNET) != 0:  # type: ignore[attr-defined]
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
