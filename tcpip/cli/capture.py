"""`tcpip capture`: write what passes a link to a pcapng file, or to standard output for Wireshark."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

from tcpip.cli.host import HostSession, add_host_options, describe, until_stopped


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
        await until_stopped(options.time)
    finally:
        session.close()
    return 0
