"""Serving the files of one folder over HTTP; nothing outside of it can be reached, by no path and no symbolic link.

Implements: of RFC 9110 GET, HEAD, one byte range (14.2), redirects to a folder's own name; RFC 3986 2.1.
"""

from __future__ import annotations

import asyncio
import html
import mimetypes
import os
import re
import stat
from typing import Final
from urllib.parse import quote, unquote_to_bytes

CHUNK: Final = 65536
MAX_LISTED: Final = 10_000
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Request:
    """What of a request counts here. `range` is the header field's value."""

    def __init__(self, method: str, target: str, range_field: str, keep: bool) -> None:
        self.method = method
        self.target = target
        self.range = range_field
        self.keep = keep


class Folder:
    """ValueError when `root` is no folder."""

    def __init__(self, root: str) -> None:
        self.root = os.fsencode(os.path.realpath(root))
        if not os.path.isdir(self.root):
            raise ValueError(f"not a folder: {root}")

    async def answer(self, writer: asyncio.StreamWriter, request: Request) -> None:
        """One response."""
        if request.method not in ("GET", "HEAD"):
            self._text(writer, request, "405 Method Not Allowed", ["Allow: GET, HEAD"])
            return
        path = request.target.partition("?")[0].partition("#")[0]
        try:
            fd = self.open(path)
        except FileNotFoundError:
            self._text(writer, request, "404 Not Found")
            return
        except OSError:
            self._text(writer, request, "403 Forbidden")
            return
        try:
            mode = os.fstat(fd).st_mode
            if stat.S_ISDIR(mode) and not path.endswith("/"):
                place = quote(unquote_to_bytes(path.lstrip("/"))) + "/"
                self._text(writer, request, "301 Moved Permanently", [f"Location: /{place}"])
            elif stat.S_ISDIR(mode):
                await self._folder(writer, request, fd, path)
            elif stat.S_ISREG(mode):
                await self._file(writer, request, fd, path)
            else:
                self._text(writer, request, "403 Forbidden")
        finally:
            os.close(fd)

    def open(self, path: str) -> int:
        """A descriptor of what is at the URL's path. OSError, FileNotFoundError also for what lies outside.

        The path is resolved first and then opened step by step without following anything, so that a link put there in
        between leads nowhere.
        """
        raw = unquote_to_bytes(path)
        if b"\0" in raw:
            raise FileNotFoundError
        names = [name for name in raw.split(b"/") if name not in (b"", b".")]
        if b".." in names:
            raise FileNotFoundError
        real = os.path.realpath(os.path.join(self.root, *names))
        if real != self.root and not real.startswith(os.path.join(self.root, b"")):
            raise FileNotFoundError
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for name in filter(None, os.path.relpath(real, self.root).split(b"/")):
            try:
                inner = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
            finally:
                os.close(fd)
            fd = inner
        return fd

    async def _folder(self, writer: asyncio.StreamWriter, request: Request, fd: int, path: str) -> None:
        try:
            index = os.open("index.html", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
        except OSError:
            self._send(writer, request, "200 OK", "text/html; charset=utf-8", listing(fd, path))
            return
        try:
            await self._file(writer, request, index, "index.html")
        finally:
            os.close(index)

    async def _file(self, writer: asyncio.StreamWriter, request: Request, fd: int, path: str) -> None:
        size = os.fstat(fd).st_size
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        fields = [f"Content-Type: {kind}", "Accept-Ranges: bytes"]
        start, end, status = 0, size, "200 OK"
        wanted = byte_range(request.range, size)
        if wanted is not None:
            start, end = wanted
            if start >= end:
                self._text(writer, request, "416 Range Not Satisfiable", [f"Content-Range: bytes */{size}"])
                return
            status = "206 Partial Content"
            fields.append(f"Content-Range: bytes {start}-{end - 1}/{size}")
        writer.write(head(status, end - start, request.keep, fields))
        if request.method == "HEAD":
            return
        while start < end:
            data = os.pread(fd, min(CHUNK, end - start), start)
            if not data:  # it has become shorter: the length that was promised cannot be kept
                raise ConnectionAbortedError
            writer.write(data)
            await writer.drain()
            start += len(data)

    def _text(
        self, writer: asyncio.StreamWriter, request: Request, status: str, fields: list[str] | None = None
    ) -> None:
        self._send(writer, request, status, "text/plain", f"{status[4:]}\n".encode(), fields)

    def _send(
        self,
        writer: asyncio.StreamWriter,
        request: Request,
        status: str,
        kind: str,
        body: bytes,
        fields: list[str] | None = None,
    ) -> None:
        writer.write(head(status, len(body), request.keep, [f"Content-Type: {kind}", *(fields or [])]))
        if request.method != "HEAD":
            writer.write(body)


def head(status: str, length: int, keep: bool, fields: list[str]) -> bytes:
    """Status line and header of a response."""
    connection = "keep-alive" if keep else "close"
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {length}", f"Connection: {connection}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def byte_range(field: str, size: int) -> tuple[int, int] | None:
    """(start, end) of a request for one range; an empty one cannot be satisfied. None: the whole file."""
    match = _RANGE.fullmatch(field.strip())
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if not first:
        return max(size - int(last), 0), size
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1 if last else size, size)


def listing(fd: int, path: str) -> bytes:
    """A folder as a page of links."""
    rows = []
    for name in sorted(os.listdir(fd))[:MAX_LISTED]:
        try:
            slash = "/" if stat.S_ISDIR(os.stat(name, dir_fd=fd).st_mode) else ""
        except OSError:
            continue
        raw = os.fsencode(name)
        shown = html.escape(raw.decode("utf-8", "replace")) + slash
        rows.append(f'<li><a href="./{quote(raw)}{slash}">{shown}</a>')
    title = html.escape(unquote_to_bytes(path).decode("utf-8", "replace"))
    return (
        f"<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1><ul>{''.join(rows)}</ul>\n".encode()
    )
