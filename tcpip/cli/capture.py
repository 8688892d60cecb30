"""`tcpip capture`: write what passes a link to a pcapng file, or to standard output for Wireshark."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from typing import Any

from tcpip.cli.host import HostSession, add_host_options, describe


def add_parser(verbs: Any) -> None:
    """`capture FILE`: `-` is standard output."""
    parser = verbs.add_parser("capture", help="capture packets of a link to a file", description=__doc__)
    add_host_options(parser)
    parser.add_argument("--time", type=float, metavar="SECONDS", help="stop after so long")
    parser.add_argument("file", help="where to write; - for standard output")
    parser.set_defaults(run=lambda options: asyncio.run(_main(options)))


async def _main(options: argparse.Namespace) -> int:
    options.capture = "/dev/stdout" if options.file == "-" else options.file
    session = HostSession(options)
    try:
        print(describe(session.nic), file=sys.stderr, flush=True)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if options.time is not None:
            loop.call_later(options.time, stop.set)
        await stop.wait()
    finally:
        session.close()
    return 0
