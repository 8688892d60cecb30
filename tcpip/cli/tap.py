"""`tcpip tap`: bring a stack up and serve until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Any

from tcpip.cli import iperf_server, services, ss
from tcpip.cli.host import HostSession, UsageError, add_host_options, describe, port, until_stopped


def add_parser(verbs: Any) -> None:
    """`tap [--serve LIST] [--root DIR] [--iperf [PORT]] [--control PATH]`."""
    parser = verbs.add_parser("tap", help="bring a stack up on a link and serve", description=__doc__)
    add_host_options(parser)
    parser.add_argument(
        "--serve",
        default="echo,discard,chargen,http",
        metavar="LIST",
        help="services, NAME or NAME:PORT, comma separated",
    )
    parser.add_argument("--root", metavar="DIR", help="the folder that http serves (default: a greeting)")
    parser.add_argument("--iperf", nargs="?", type=port, const=5201, metavar="PORT", help="serve iperf3 clients")
    parser.add_argument("--control", metavar="PATH", help="Unix socket where `tcpip ss` asks")
    parser.add_argument("--time", type=float, metavar="SECONDS", help="stop after so long")
    parser.set_defaults(run=lambda options: asyncio.run(_main(options)))


async def _main(options: argparse.Namespace) -> int:
    session = HostSession(options)
    control = None
    try:
        try:
            await services.start(session.stack, [s for s in options.serve.split(",") if s], options.root)
        except ValueError as error:
            raise UsageError(str(error)) from None
        if options.iperf:
            await iperf_server.serve(session.stack, options.iperf)
        if options.control:
            control = await ss.serve(session.stack, options.control)
        print(describe(session.nic), flush=True)
        session.on_change(lambda: print(describe(session.nic), flush=True))
        await until_stopped(options.time)
    finally:
        if control is not None:
            control.close()
            os.unlink(options.control)
        session.close()
    return 0
