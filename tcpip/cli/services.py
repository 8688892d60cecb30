"""The small servers: echo, discard, chargen, and HTTP for curl.

Implements: RFC 862, RFC 863, RFC 864; of RFC 9112 what a GET needs. A folder is served by `http_folder`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from tcpip.adapters.aio import Server, create_datagram_endpoint, start_server
from tcpip.cli.http_folder import Folder, Request
from tcpip.stack.stack import Stack

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CHUNK: Final = 65536
_PRINTABLE: Final = bytes(range(32, 127))
MAX_BODY: Final = 1 << 40
MAX_CHARGEN: Final = 512


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RFC 862."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    writer.close()


async def discard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RFC 863."""
    while await reader.read(CHUNK):
        pass
    writer.close()


async def chargen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RFC 864's rotating pattern."""
    lines = [(_PRINTABLE * 2)[start : start + 72] + b"\r\n" for start in range(len(_PRINTABLE))]
    block = b"".join(lines)
    while not writer.is_closing():
        writer.write(block)
        await writer.drain()


class Http:
    """A folder, or without one: `/` says hello, `/bytes/N` sends N bytes, POST and PUT answer how much came."""

    def __init__(self, root: str | None = None) -> None:
        self.folder = Folder(root) if root is not None else None

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _request(reader, writer, self.folder):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, folder: Folder | None) -> bool:
    """One request; True to go on with the connection."""
    line = await reader.readline()
    if not line:
        return False
    method, path, version = line.decode("latin-1").split()
    headers: dict[str, str] = {}
    while (field := await reader.readline()) not in (b"\r\n", b"\n", b""):
        name, _, value = field.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
        if len(headers) > 100:
            raise ValueError("too many header fields")
    if "100-continue" in headers.get("expect", "").lower():
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    received = 0
    length = int(headers.get("content-length", "0"))
    while received < length:
        data = await reader.read(min(CHUNK, length - received))
        if not data:
            return False
        received += len(data)
    keep = version != "HTTP/1.0" and headers.get("connection", "").lower() != "close"
    if folder is not None:
        await folder.answer(writer, Request(method, path, headers.get("range", ""), keep))
    else:
        await _answer(writer, method, path, received, keep)
    return keep


async def _answer(writer: asyncio.StreamWriter, method: str, path: str, received: int, keep: bool) -> None:
    status, body, size = "200 OK", b"hello from tcpip\n", -1
    if method in ("POST", "PUT"):
        body = f"{received} bytes received\n".encode()
    elif method not in ("GET", "HEAD"):
        status, body = "405 Method Not Allowed", b"method not allowed\n"
    elif path.startswith("/bytes/") and path[7:].isdecimal():
        size = min(int(path[7:]), MAX_BODY)
    elif path != "/":
        status, body = "404 Not Found", b"not found\n"
    length = len(body) if size < 0 else size
    connection = "keep-alive" if keep else "close"
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n".encode())
    if method == "HEAD":
        return
    if size < 0:
        writer.write(body)
        return
    block = bytes(CHUNK)
    while size > 0:
        writer.write(block if size >= CHUNK else block[:size])
        size -= CHUNK
        await writer.drain()


class DatagramEcho(asyncio.DatagramProtocol):
    """RFC 862 over UDP."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._transport.sendto(data, addr)  # type: ignore[attr-defined]


class DatagramDiscard(asyncio.DatagramProtocol):
    """RFC 863 over UDP."""


class DatagramChargen(DatagramEcho):
    """RFC 864 over UDP: an answer of at most 512 characters to each datagram, here never longer than the datagram, which
    may come from somebody else than it says."""

    def datagram_received(self, data: bytes, addr: object) -> None:
        super().datagram_received((_PRINTABLE * 6)[: min(len(data), MAX_CHARGEN)], addr)


PORTS: Final = {"echo": 7, "discard": 9, "chargen": 19, "http": 80}
_STREAMS: Final[dict[str, Handler]] = {"echo": echo, "discard": discard, "chargen": chargen}
_DATAGRAMS: Final = {"echo": DatagramEcho, "discard": DatagramDiscard, "chargen": DatagramChargen}


def guarded(handler: Handler) -> Handler:
    """A peer that goes away in the middle is nobody's error."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (OSError, asyncio.CancelledError):  # the server ends: asyncio's own callback would complain otherwise
            writer.close()

    return serve


async def start(stack: Stack, wanted: list[str], root: str | None = None) -> list[Server]:
    """Start services by `NAME` or `NAME:PORT` on all addresses of both families, http with the folder `root`.

    ValueError for an unknown one or a folder that is none.
    """
    servers: list[Server] = []
    for value in wanted:
        name, colon, port_text = value.partition(":")
        if name not in PORTS:
            raise ValueError(f"unknown service {name!r}: {', '.join(PORTS)}")
        if colon and not (port_text.isdecimal() and 0 < int(port_text) < 65536):
            raise ValueError(f"not a port: {port_text!r}")
        port = int(port_text) if colon else PORTS[name]
        handler = Http(root) if name == "http" else _STREAMS[name]
        servers.append(await start_server(stack, guarded(handler), "::", port, limit=1 << 18))
        if name in _DATAGRAMS:
            await create_datagram_endpoint(stack, _DATAGRAMS[name], ("::", port))
    return servers
