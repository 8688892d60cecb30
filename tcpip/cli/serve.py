"""`tcpip echo`, `discard`, `chargen` and `http`: a stack that serves one thing until interrupted."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from tcpip.cli import services
from tcpip.cli.host import HostSession, UsageError, add_host_options, describe, port, until_stopped

_HELP = {
    "echo": "answer with what comes (RFC 862), TCP and UDP",
    "discard": "take everything (RFC 863), TCP and UDP",
    "chargen": "send characters (RFC 864), TCP and UDP",
    "http": "serve a folder to browsers and curl",
}


def add_parser(verbs: Any) -> None:
    """`echo [-p PORT]`, and so on; `http [-p PORT] [DIR]`."""
    for name, text in _HELP.items():
        parser = verbs.add_parser(name, help=text, description=__doc__)
        add_host_options(parser)
        parser.add_argument("-p", dest="port", type=port, default=services.PORTS[name])
        parser.add_argument("--time", type=float, metavar="SECONDS", help="stop after so long")
        if name == "http":
            parser.add_argument("root", nargs="?", default=".", metavar="DIR", help="the folder (default: this one)")
        parser.set_defaults(run=lambda options: asyncio.run(_main(options)))


async def _main(options: argparse.Namespace) -> int:
    session = HostSession(options)
    try:
        try:
            await services.start(session.stack, [f"{options.verb}:{options.port}"], getattr(options, "root", None))
        except ValueError as error:
            raise UsageError(str(error)) from None
        print(describe(session.nic), flush=True)
        session.on_change(lambda: print(describe(session.nic), flush=True))
        await until_stopped(options.time)
    finally:
        session.close()
    return 0
