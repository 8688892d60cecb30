"""What a command asks of a fork server: one message with its words, its environment, and what it has open.

A connection of a Unix stream socket. The request is a header (three native 32-bit numbers: this protocol's version, how many words,
how many bytes follow), then NUL-terminated strings: the program's identity, the words, the environment; with it come descriptors
0, 1 and 2 and the working directory (unix(7): SCM_RIGHTS). The answer is one byte: REFUSED and the reason up to the end, or TAKEN,
with a descriptor of the process (pidfd_open(2)); then, when it has ended by itself, ENDED and its exit status.
"""

from __future__ import annotations

import _socket
import errno
import os
import struct
from typing import Final

VERSION: Final = 1
VARIABLE: Final = "RUNSC_FORK_SERVER"
"""The environment's name for the socket of a fork server."""
REFUSED: Final = b"r"
TAKEN: Final = b"t"
ENDED: Final = b"e"  # one more byte: the exit status
LIMIT: Final = 1 << 22  # of a request: twice what execve(2) takes by default
DESCRIPTORS: Final = 4  # 0, 1, 2, and the working directory
PATIENCE: Final = struct.pack("=qq", 10, 0)  # struct timeval: that one side waits for the other to speak
SO_PEERPIDFD: Final = 77  # asm-generic/socket.h, from Linux 6.5 on
_HEADER: Final = struct.Struct("=III")
_NUMBER: Final = struct.Struct("=i")


class BadRequest(Exception):
    """What came is no request; `str()` says why."""


class Request:
    """A command's words, without the program's name, and its environment as NAME=VALUE; `descriptors` are the receiver's own."""

    __slots__ = ("program", "words", "environment", "descriptors")

    def __init__(self, program: bytes, words: list[bytes], environment: list[bytes], descriptors: list[int]) -> None:
        self.program = program
        self.words = words
        self.environment = environment
        self.descriptors = descriptors


def send_request(connection: _socket.socket, request: Request) -> None:
    """OSError: the other side is gone or does not read. ValueError: longer than any command line can be."""
    body = b"".join(text + b"\0" for text in (request.program, *request.words, *request.environment))
    if len(body) > LIMIT:
        raise ValueError("the words and the environment are too long")
    data = _HEADER.pack(VERSION, len(request.words), len(body)) + body
    rights = b"".join(map(_NUMBER.pack, request.descriptors))
    sent = connection.sendmsg([data], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
    while sent < len(data):
        sent += connection.send(data[sent:])


def receive_request(connection: _socket.socket) -> Request:
    """BadRequest, OSError."""
    data, descriptors = receive_with_descriptors(connection, 65536, DESCRIPTORS)
    if len(data) < _HEADER.size or len(descriptors) != DESCRIPTORS:
        raise BadRequest("it is cut off")
    version, count, length = _HEADER.unpack_from(data)
    if version != VERSION or length > LIMIT:
        raise BadRequest("another version of runsc asks")
    pieces = [data[_HEADER.size :]]
    left = length - len(pieces[0])
    while left > 0:
        pieces.append(connection.recv(min(left, 65536)))
        if not pieces[-1]:
            raise BadRequest("it is cut off")
        left -= len(pieces[-1])
    texts = b"".join(pieces).split(b"\0")
    if left < 0 or texts.pop() or len(texts) < 1 + count:
        raise BadRequest("it is none")
    return Request(texts[0], texts[1 : 1 + count], texts[1 + count :], descriptors)


def receive_with_descriptors(connection: _socket.socket, length: int, most: int) -> tuple[bytes, list[int]]:
    """What is there, and up to `most` descriptors, which are not inherited by programs. OSError."""
    data, messages, _flags, _address = connection.recvmsg(
        length, _socket.CMSG_SPACE(most * _NUMBER.size), _socket.MSG_CMSG_CLOEXEC
    )
    descriptors = []
    for level, kind, payload in messages:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            whole = len(payload) // _NUMBER.size * _NUMBER.size
            descriptors += [number for (number,) in _NUMBER.iter_unpack(payload[:whole])]
    return data, descriptors


def send_taken(connection: _socket.socket, pidfd: int) -> None:
    """OSError."""
    connection.sendmsg([TAKEN], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, _NUMBER.pack(pidfd))])


def peer_of(connection: _socket.socket) -> tuple[int, int]:
    """The other side's process and user (unix(7): SO_PEERCRED)."""
    pid, uid, _gid = struct.unpack("=iII", connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12))
    return pid, uid


def pidfd_of_peer(connection: _socket.socket) -> int:
    """A descriptor of the process that `peer_of` tells. OSError: that has ended."""
    try:
        return connection.getsockopt(_socket.SOL_SOCKET, SO_PEERPIDFD)
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise
    return os.pidfd_open(peer_of(connection)[0])


def new_socket() -> _socket.socket:
    """One whose operations fail after PATIENCE."""
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    be_patient(sock)
    return sock


def wait_without_end(sock: _socket.socket) -> None:
    """Reading waits for what comes."""
    sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, bytes(len(PATIENCE)))


def be_patient(sock: _socket.socket) -> None:
    """Reading and writing fail with EAGAIN after PATIENCE."""
    sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, PATIENCE)
    sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, PATIENCE)
