"""`tcpip nc`: standard input and output over a connection of our stack."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import stat
import sys
from typing import Any

from tcpip.adapters.aio import open_connection, start_server
from tcpip.cli.host import HostSession, UsageError, add_host_options


def add_parser(verbs: Any) -> None:
    """`nc HOST PORT` or `nc -l PORT`."""
    parser = verbs.add_parser("nc", help="connect or listen, stdin to peer, peer to stdout", description=__doc__)
    add_host_options(parser)
    parser.add_argument("-l", dest="listen", action="store_true", help="listen for one connection")
    parser.add_argument("target", nargs="+", metavar="HOST PORT | PORT")
    parser.set_defaults(run=lambda options: asyncio.run(_main(options)))


async def _main(options: argparse.Namespace) -> int:
    words = options.target
    if len(words) != (1 if options.listen else 2) or not words[-1].isdecimal() or int(words[-1]) > 65535:
        print("tcpip nc: usage: nc HOST PORT, or nc -l PORT", file=sys.stderr)
        return 2
    session = HostSession(options)
    try:
        await session.ready()
        if options.listen:
            reader, writer = await _accept(session, int(words[0]))
        else:
            try:
                reader, writer = await open_connection(session.stack, words[0], int(words[1]))
            except socket.gaierror as error:
                raise UsageError(error.strerror) from None
        await _copy(reader, writer)
        writer.close()
        await writer.wait_closed()
        await _settle(session)
    finally:
        session.close()
    return 0


async def _accept(session: HostSession, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    arrived: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
        asyncio.get_running_loop().create_future()
    )

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if arrived.done():
            writer.close()
        else:
            arrived.set_result((reader, writer))

    server = await start_server(session.stack, connected, "::", port)
    pair = await arrived
    server.close()
    return pair


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Both ways; ends when the peer has ended and what it sent is written."""
    source = await _standard_input()

    async def upload() -> None:
        while data := await source.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    sender = asyncio.ensure_future(upload())
    while data := await reader.read(65536):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    sender.cancel()


async def _standard_input() -> asyncio.StreamReader:
    """Standard input as a stream; a regular file, which cannot be polled, is read at once."""
    source = asyncio.StreamReader()
    if stat.S_ISREG(os.fstat(0).st_mode):
        source.feed_data(sys.stdin.buffer.read())
        source.feed_eof()
    else:
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(source), sys.stdin)
    return source


async def _settle(session: HostSession) -> None:
    """Let the last acknowledgements go out before the device disappears."""
    for _ in range(3):
        await asyncio.sleep(0)
        session.stack.flush()
