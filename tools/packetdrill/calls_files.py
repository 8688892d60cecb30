"""open, sendfile, pipe, splice: what TCP is fed from beside buffers.

Files are of a world of the script's own: what its commands have made (dd), else the host's, for reading only.
"""

from __future__ import annotations

import errno
from typing import Final

from tools.packetdrill.calls import Context, Handler, Operation
from tools.packetdrill.errors import CallError, ScriptError
from tools.packetdrill.files import Descriptor, PipeBuffer, PipeReader, PipeWriter, ReadOnlyFile
from tools.packetdrill.values import Arguments, number


def call_open(context: Context, args: Arguments) -> Operation:
    args.count(2, 3)
    name, flags = args[0], args.number(1)
    if not isinstance(name, bytes):
        raise ScriptError("open() wants a file name")
    if flags & 3:
        raise ScriptError("open() for writing is not supported")

    def attempt() -> int:
        try:
            data = context.files.read(name.decode("latin-1"))
        except OSError as error:
            raise CallError(error.errno or errno.EIO) from None
        if data.strip(b"\0"):
            context.not_zeros()
        return context.adopt(ReadOnlyFile(data))

    return Operation(attempt)


def call_sendfile(context: Context, args: Arguments) -> Operation:
    args.count(4)
    offset = None if args.is_ellipsis(2) else number(args.bracketed(2))
    count = args.number(3)
    sent = 0

    def attempt() -> int | None:
        nonlocal sent
        out, source = context.descriptor(args.number(0)), context.descriptor(args.number(1))
        if not isinstance(source, ReadOnlyFile):
            raise CallError(errno.EINVAL)
        start = (source.at if offset is None else offset) + sent
        piece = source.data[start : start + count - sent]
        taken = out.write(piece) if piece else 0
        if taken is None:
            return sent if sent and not out.blocking else None
        sent += taken
        if taken < len(piece) and out.blocking:
            return None
        if offset is None:
            source.at += sent
        return sent

    return Operation(attempt, _blocking(context, args.number(0)))


def _blocking(context: Context, fd: int) -> bool:
    return fd in context.descriptors and context.descriptors[fd].blocking


def call_pipe(context: Context, args: Arguments) -> Operation:
    args.count(1)
    if not isinstance(args[0], list) or len(args[0]) != 2:
        raise ScriptError("pipe() wants [fd, fd]")

    def attempt() -> int:
        buffer = PipeBuffer()
        reader, writer = number(args[0][0]), number(args[0][1])
        context.descriptors[reader] = PipeReader(buffer)
        context.descriptors[writer] = PipeWriter(buffer)
        return 0

    return Operation(attempt)


def call_splice(context: Context, args: Arguments) -> Operation:
    args.count(6)
    size = args.number(4)
    nonblocking = args.number(5) & 2

    def attempt() -> int | None:
        source, out = context.descriptor(args.number(0)), context.descriptor(args.number(2))
        if not isinstance(source, PipeReader) and not isinstance(out, PipeWriter):
            raise CallError(errno.EINVAL)
        return _move(source, out, size)

    return Operation(attempt, _blocking(context, args.number(0)) and not nonblocking)


def _move(source: Descriptor, out: Descriptor, size: int) -> int | None:
    piece = source.read(size)
    if piece is None:
        return None
    return out.write(piece) if piece else 0


CALLS: Final[dict[str, Handler]] = {
    "open": call_open,
    "sendfile": call_sendfile,
    "pipe": call_pipe,
    "splice": call_splice,
}
