"""A small HTTP/1.1 service inside the sandbox's own network: http://stackbox.internal/.

It needs no outside, so that a sandbox's network can be tried anywhere: `/` says what this is, `/bytes/N` is N bytes,
`/echo` gives a request's body back, `/request` its headers. Implements: RFC 9112 for requests with Content-Length.
"""

from __future__ import annotations

from typing import Final

from sandbox.gateway.address_plan import DOMAIN
from sandbox.gateway.stream_service import Connection
from tcpip.transport.endpoint import Endpoint

MAX_HEAD: Final = 16384
MAX_BODY: Final = 1 << 20
MAX_BYTES: Final = 1 << 34
_CHUNK: Final = bytes(range(256)) * 256
_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
}
_INDEX: Final = (
    f"This is {DOMAIN}, a service inside the sandbox's own network.\n"
    "The request went through a TCP/IP stack written in Python and never left this process.\n"
    "\n"
    "/bytes/N   N bytes\n"
    "/echo      the body of the request\n"
    "/request   the request's head\n"
).encode("ascii")


class HttpConnection(Connection):
    """One connection, kept open between requests as HTTP/1.1 has it."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self._in = bytearray()
        self._left = 0  # of a /bytes answer

    def received(self, data: bytes) -> None:
        if not data:
            self.end()
            return
        self._in += data
        if len(self._in) > MAX_HEAD + MAX_BODY:
            self.close()
        while not self.closed and self._request():
            pass

    def more(self) -> bytes:
        if not self._left and self._in and not self._ending:
            self._request()  # it waited for the end of the answer before
            if not self._left:
                return b""
        count = min(self._left, len(_CHUNK))
        self._left -= count
        return _CHUNK[:count]

    def _request(self) -> bool:
        """Take one whole request from the buffer; False: there is none yet."""
        if self._left:
            return False  # the answer before is not out; what comes meanwhile is bounded by the receive window
        end = self._in.find(b"\r\n\r\n")
        if end < 0:
            if len(self._in) > MAX_HEAD:
                self._fail(431)
            return False
        head = bytes(self._in[:end])
        lines = head.split(b"\r\n")
        words = lines[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            self._fail(400)
            return False
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(b":") for line in lines[1:])}
        if b"transfer-encoding" in headers:
            self._fail(411)
            return False
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 9 or int(length) > MAX_BODY:
            self._fail(413 if length.isdigit() else 400)
            return False
        if len(self._in) < end + 4 + int(length):
            if headers.get(b"expect", b"").lower() == b"100-continue" and len(self._in) == end + 4:
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return False
        body = bytes(self._in[end + 4 : end + 4 + int(length)])
        del self._in[: end + 4 + int(length)]
        keep = words[2] != b"HTTP/1.0" and headers.get(b"connection", b"").lower() != b"close"
        self._serve(words[0], words[1], head, body, keep)
        return keep

    def _serve(self, method: bytes, target: bytes, head: bytes, body: bytes, keep: bool) -> None:
        path = target.split(b"?")[0]
        status, content, extra = 200, b"", 0
        if path == b"/echo":
            content = body
        elif method not in (b"GET", b"HEAD"):
            status = 405
        elif path == b"/":
            content = _INDEX
        elif path == b"/request":
            content = head + b"\n"
        elif path.startswith(b"/bytes/") and path[7:].isdigit() and len(path) < 20 and int(path[7:]) <= MAX_BYTES:
            extra = int(path[7:])
        else:
            status = 404
        if status != 200:
            content = f"{status} {_REASONS[status]}\n".encode("ascii")
        self._head(status, len(content) + extra, keep, b"application/octet-stream" if extra else b"text/plain")
        if method != b"HEAD":
            self.write(content)
            self._left = extra
        if not keep:
            self.end()

    def _head(self, status: int, length: int, keep: bool, kind: bytes) -> None:
        self.write(
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nServer: stackbox\r\nContent-Length: {length}\r\n"
            f"Connection: {'keep-alive' if keep else 'close'}\r\n".encode("ascii")
            + b"Content-Type: "
            + kind
            + b"\r\n\r\n"
        )

    def _fail(self, status: int) -> None:
        self._in.clear()
        content = f"{status} {_REASONS[status]}\n".encode("ascii")
        self._head(status, len(content), False, b"text/plain")
        self.write(content)
        self.end()
